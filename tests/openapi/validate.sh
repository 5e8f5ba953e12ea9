#!/bin/sh
# Validates what `switchboard openapi` prints against the OpenAPI 3.1 specification. $1: the binary.
set -eu

switchboard=${1:-target/debug/switchboard}
venv=${VENV:-target/openapi-venv}
[ -x "$venv/bin/openapi-spec-validator" ] || {
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement "$(dirname "$0")/requirements.txt"
}
for api in "" "--api chat" "--api session"; do
    # Word splitting is wanted: two words or none.
    # shellcheck disable=SC2086
    "$switchboard" openapi $api >"$venv/document.json"
    "$venv/bin/openapi-spec-validator" "$venv/document.json"
done
