#!/bin/sh
# The reply as it is written: subscription.sh REPLY_ID
curl -sS -N "$PUNNET_URL" -H "Authorization: Bearer $PUNNET_TOKEN" \
  -H 'Accept: text/event-stream' -H 'Content-Type: application/json' -d '{
    "query": "subscription ($id: ID!) { messageStreamed(messageId: $id) { text cursor } }",
    "variables": {"id": "'"$1"'"}
  }'
