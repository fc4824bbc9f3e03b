#!/bin/sh
# A new project with its first message; the reply is written from now on.
curl -sS "$PUNNET_URL" -H "Authorization: Bearer $PUNNET_TOKEN" \
  -H 'Content-Type: application/json' -d '{
    "query": "mutation ($input: CreateProjectWithMessageInput!) { createProjectWithMessage(input: $input) { project { id name } reply { id } } }",
    "variables": {"input": {"content": "Build a strawberry counter"}}
  }'
