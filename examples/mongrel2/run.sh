#!/usr/bin/env bash
# Mongrel2, and the site of this folder behind it: run it from the folder that has examples/ in it.
# SITE is where Mongrel2 may write (default: ./site), PORT where it listens (default: 6767).
set -euo pipefail
site=$(realpath -m "${SITE:-site}")
export MONGREL2_RECV="ipc://$site/run/send" MONGREL2_SEND="ipc://$site/run/recv"
export MONGREL2_UPLOADS=/tmp/up.XXXXXX LOGNAME=${LOGNAME:-mongrel2}
mkdir -p "$site"/{logs,run,tmp,static}
echo "a file" >"$site/static/index.html"

# As root Mongrel2 changes into its directory, and all paths begin there; as anybody else it does not.
if [ "$(id -u)" = 0 ]; then
    export MONGREL2_CHROOT=$site
    addresses=(--recv ipc://run/send --send ipc://run/recv)
else
    addresses=()
fi
brubeck mongrel2-config examples.mongrel2.site:app --chroot "$site" --port "${PORT:-6767}" \
    --static /static/=static "${addresses[@]}" >"$site/mongrel2.conf"
uuid=$(sed -n "s/.* uuid='\(.*\)', name=.*/\1/p" "$site/mongrel2.conf")

cd_back=$PWD
cd "$site"
rm -f mongrel2.db
m2sh load -db mongrel2.db -config mongrel2.conf >logs/m2sh.log
mongrel2 mongrel2.db "$uuid" >logs/output.log 2>&1 &
trap 'kill $(jobs -p) 2>/dev/null' EXIT
cd "$cd_back"
gunicorn -k brubeck_wsgi.mongrel2.worker.GeventWorker --workers "${WORKERS:-1}" --bind "127.0.0.1:${HEALTH_PORT:-6768}" \
    --no-control-socket examples.mongrel2.site:app
