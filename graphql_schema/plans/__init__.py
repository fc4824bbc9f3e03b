"""Reading by compiled plans: declarations and a document → plan → SQL → rows → JSON.

    collecting  which fields of a type a selection asks for
    compiling   the document as a tree of shapes and steps, once
    shapes      rows of one table to JSON objects, by code made for it
    steps       from rows to the rows of a relation, one statement for all
    running     one operation: fetches, level by level, and its response

What a plan meets that it was not made for, an error above all, is left to graphql-core, which
executes the whole operation once more; a query may be executed twice.
"""
