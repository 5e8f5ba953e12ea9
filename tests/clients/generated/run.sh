#!/bin/sh
# run.sh python|typescript: generates clients from the OpenAPI document of SERVICE, and runs the program beside this script with them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export PATH="$here/../.venv/bin:$here/../node_modules/.bin:$PATH"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
curl -sSf "$SERVICE/openapi.json" >openapi.json
case $1 in
  python)
    echo 'post_hooks: []' >config.yml
    openapi-python-client generate --path openapi.json --meta none --output-path generated --config config.yml --fail-on-warning
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=. python "$here/chats.py"
    ;;
  typescript)
    cp "$here/chats.ts" "$here/tsconfig.json" .
    ln -s "$here/../node_modules" .
    openapi-ts --input openapi.json --output generated/hey-api --client @hey-api/client-fetch --silent
    openapi-typescript openapi.json --output generated/openapi-typescript.ts >/dev/null
    tsc --project .
    esbuild chats.ts --bundle --platform=node --format=esm --log-level=warning --outfile=chats.mjs
    node chats.mjs
    ;;
esac
