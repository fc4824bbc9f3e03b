"""Reading by compiled plans: declarations and a document → plan → SQL → rows → JSON.

    collecting  which fields of a type a selection asks for
    compiling   the document as a tree of shapes and steps, once
    shapes      rows of one table to JSON objects, by code made for it
    steps       from rows to the rows of a relation, one statement for all
    connections pages to edges, nodes and page info
    plan        root fields, and values that are no rows
    operation   the plans of one document, one for each combination of @skip and @include
    running     one execution: whose it is, its variables, what it fetches
    planner     what the engine asks; tells what was left, and why
    printing    a plan as plain data, for people
    tracing     one execution whose plan is printed with what it sent

What a plan meets that it was not made for, an error above all, is left to graphql-core, which
executes the whole operation once more: a query may be read twice, a mutation is done once (see
Context.once).
"""
