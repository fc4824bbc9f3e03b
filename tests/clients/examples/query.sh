#!/bin/sh
# Your newest projects.
curl -sS "$PUNNET_URL" -H "Authorization: Bearer $PUNNET_TOKEN" \
  -H 'Content-Type: application/json' -d '{
    "query": "{ projects(first: 5) { nodes { id name createdAt } } }"
  }'
