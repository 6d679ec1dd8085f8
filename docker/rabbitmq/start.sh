#!/bin/sh
# Writes the definitions with the password, only in memory, and starts the node. The node imports them at every start, so
# a restart applies a changed password and restores a deleted queue.
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
