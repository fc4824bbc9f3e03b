"""Files: uploads, downloads and the pictures of users."""
