# Runs inside the root that enter.sh made, as its first process: smtp-sink, Dovecot and Postfix under one roof,
# until a signal ends the namespace. /state holds the filled-in configuration, the keys, the logs and the dumps.
# shellcheck shell=sh

mkdir -p /run/dovecot /state/dumps /var/spool/postfix /var/lib/postfix
chown postfix /var/lib/postfix
chown nobody /state/dumps
touch /state/postfix.log && chmod 666 /state/postfix.log

smtp-sink -u nobody -R /state/dumps -d 'message.' "127.0.0.1:$(cat /state/sink-port)" 512 >/state/sink.log 2>&1 &
dovecot -F -c /state/dovecot.conf >/state/dovecot.out 2>&1 &
# Not exec: a process that changes its user forgets that it is to die with its parent. This shell does not.
postfix -c /state/postfix start-fg >/state/postfix.out 2>&1
