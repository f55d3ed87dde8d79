#!/bin/sh
# A little of everything, one round after the other: a chat, a list of records, a tool, a workflow with an LLM and an Airtable step.
set -u
orchestrator=${LLM_ORCHESTRATOR_URL:-http://127.0.0.1:8003}
gateway=${AIRTABLE_GATEWAY_URL:-http://127.0.0.1:8002}
mcp=${MCP_SERVER_URL:-http://127.0.0.1:8001}
automation=${AUTOMATION_SERVICES_URL:-http://127.0.0.1:8006}
base=${AIRTABLE_BASE_ID:-appSalesCRM000000}
pause=${TRAFFIC_PAUSE_SECONDS:-2}

call() {
  curl -sS -o /dev/null -m 60 -w '%{http_code} %{time_total}s %{url_effective}\n' \
    -H 'Content-Type: application/json' -H "X-Tenant-ID: $tenant" -H "X-User-ID: $user" -H 'X-Cost-Center: demo' "$@" || true
}

tenant=setup
user=demo
workflow=$(curl -sS -m 60 -H 'Content-Type: application/json' -X POST "$automation/workflows" -d '{
  "name": "Summary of a contact", "config": {"steps": [
    {"type": "llm", "prompt": "Summarise the day in one sentence", "output": "summary"},
    {"type": "log", "message": "done: {workflow_id}"}]}}' | sed -n 's/.*"id":"\{0,1\}\([^",}]*\).*/\1/p')

round=0
while :; do
  round=$((round + 1))
  for tenant in acme globex initech umbrella; do
    user=$tenant-$((round % 3))
    call -X POST "$orchestrator/api/v1/chat/completions" \
      -d '{"messages": [{"role": "user", "content": "Say hello to the team"}]}'
    call "$gateway/api/v1/airtable/bases/$base/tables/Contacts/records?page_size=10"
    call -X POST "$mcp/api/v1/mcp/tools/calculate/execute" -d '{"arguments": {"expression": "6 * 7"}}'
    [ -z "$workflow" ] || call -X POST "$automation/workflows/$workflow/trigger" -d '{"trigger_data": {}}'
    sleep "$pause"
  done
done
