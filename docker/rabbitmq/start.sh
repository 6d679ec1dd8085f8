#!/bin/sh
# Puts the password into the definitions, in memory only, and starts the node, which imports them at every start: a
# changed password holds after a restart, a queue that somebody deleted is there again.
set -eu

case "$RABBITMQ_PASSWORD" in
    "" | *[!A-Za-z0-9_-]*)
        echo "RABBITMQ_PASSWORD must consist of letters, digits, - and _ (it is part of an address)." >&2
        exit 1
        ;;
esac

umask 077
sed "s/@PASSWORD@/$RABBITMQ_PASSWORD/" /etl/definitions.json > /tmp/definitions.json
unset RABBITMQ_PASSWORD
exec "$@"
