"""The bytes of files: where they are kept, what is in them, and the routes that carry them."""
