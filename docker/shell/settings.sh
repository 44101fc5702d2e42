# Values a user may change, and the secrets nobody needs to know. Sourced by testpbx.
# shellcheck shell=bash

# NAME|default|meaning
SETTINGS='KEEPLINE_PROJECT|keepline|prefix of the containers'\'' names; a second test PBX on one machine needs its own
KEEPLINE_NET|10.213.77|first three parts of the containers'\'' /24 network
KEEPLINE_PORT_PAGE|8080|the status page, on 127.0.0.1
KEEPLINE_PORT_AUDIO|8081|the announcements, on 127.0.0.1
KEEPLINE_PORT_PBX_AMI|5038|the PBX'\''s AMI, on 127.0.0.1
KEEPLINE_PORT_CARRIER_AMI|5039|the carrier'\''s AMI, on 127.0.0.1
KEEPLINE_PORT_PBX16_AMI|5048|the old PBX'\''s AMI, on 127.0.0.1
KEEPLINE_PORT_CARRIER16_AMI|5049|its carrier'\''s AMI, on 127.0.0.1
KEEPLINE_PORT_PAGE16|8090|the status page of its companion, on 127.0.0.1
KEEPLINE_PORT_AUDIO16|8091|that companion'\''s announcements, on 127.0.0.1
KEEPLINE_QUALIFY_SECONDS|3|seconds between the PBX'\''s checks of a trunk
KEEPLINE_QUALIFY_TIMEOUT|2|seconds it waits for the answer
KEEPLINE_LAB|yes|install the test account and test numbers on the PBX'

settings_names() { printf '%s\n' "$SETTINGS" | cut -d'|' -f1; }

settings_help() {
    printf '%s\n' "$SETTINGS" | awk -F'|' '{ printf "  %-28s %s (%s)\n", $1, $3, $2 }'
}

# `up` decides, from the environment and the defaults; the other commands follow what the last `up` decided.
settings_for_up() {
    local name default meaning
    while IFS='|' read -r name default meaning; do
        export "$name=${!name:-$default}"
        [[ ${!name} =~ ^[A-Za-z0-9._-]+$ ]] || die "$name=${!name} cannot be: letters, digits, dot, dash only ($meaning)"
    done <<<"$SETTINGS"
    export KEEPLINE_HOME=$HOME_DIR
}

settings_for_others() {
    local name value
    if [ -f "$STATE/settings.env" ]; then
        while IFS='=' read -r name value; do export "$name=${!name:-$value}"; done <"$STATE/settings.env"
    fi
    settings_for_up
}

settings_print() {
    local name
    for name in $(settings_names); do printf '%s=%s\n' "$name" "${!name}"; done
    printf 'KEEPLINE_RECORDINGS=%s\nKEEPLINE_PAGE=http://127.0.0.1:%s/\n' "$STATE/recordings" "$KEEPLINE_PORT_PAGE"
    printf 'KEEPLINE_PAGE16=http://127.0.0.1:%s/\n' "$KEEPLINE_PORT_PAGE16"
}

settings_save() {
    local name
    {
        printf 'KEEPLINE_ENGINE=%s\n' "$ENGINE"
        for name in $(settings_names); do printf '%s=%s\n' "$name" "${!name}"; done
    } >"$STATE/settings.env"
}

# Secrets are made at the first start and stay in files only their owner reads; each service gets those it needs: the
# Asterisks secrets.env, the companion keepline.env. An `up` adds what a state of an earlier version does not have yet.
secrets_make() {
    local name
    (
        umask 077
        for name in KEEPLINE_AGI_TOKEN KEEPLINE_PBX_LAB_SECRET KEEPLINE_TRUNK_SECRET KEEPLINE_AGENT_SECRET KEEPLINE_LAB_SECRET; do
            secret_keep secrets "$name" random_text
        done
        # With these people and other systems give orders; neither Asterisk needs to know them.
        secret_keep operators KEEPLINE_WEB_TOKEN random_text
        secret_keep operators KEEPLINE_WEBHOOK_MONITORING_TOKEN random_text
        secret_keep operators KEEPLINE_TENANT_ACME_PIN random_pin
        {
            grep -E '^KEEPLINE_(AGI_TOKEN|PBX_LAB_SECRET)=' "$STATE/secrets.env"
            cat "$STATE/operators.env"
        } >"$STATE/keepline.env.new"
        if cmp -s "$STATE/keepline.env.new" "$STATE/keepline.env"; then
            rm "$STATE/keepline.env.new"
        else
            mv "$STATE/keepline.env.new" "$STATE/keepline.env"
        fi
    )
}

# secret_keep FILE NAME MAKE...: unless FILE.env has it, add NAME with what MAKE prints.
secret_keep() {
    local file=$STATE/$1.env name=$2
    shift 2
    touch "$file"
    grep -q "^$name=" "$file" || printf '%s=%s\n' "$name" "$("$@")" >>"$file"
}
random_text() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
random_pin() { head -c 4096 /dev/urandom | LC_ALL=C tr -dc 0-9 | cut -c1-6; }

# secret_print NAME: one of those with which orders are given.
secret_print() {
    local found
    found=$(awk -F= -v name="$1" '$1 == name { print $2 }' "$STATE/operators.env" 2>/dev/null) || true
    [ -n "$found" ] || die "there is no $1; docker/testpbx up makes those of docker/keepline.toml"
    printf '%s\n' "$found"
}

state_make() {
    mkdir -p "$STATE"/{recordings,recordings16,sounds,pbx,pbx-data,pbx-logs,pbx16,pbx16-data,pbx16-logs,keepline,keepline16}
    secrets_make
    settings_old
}

# The settings of the old PBX's companion are those of the other one but for who talks to whom: one file to keep true.
settings_old() {
    sed -e 's|keepline:4573|keepline16:4573|; s|keepline:8081|keepline16:8081|' \
        -e 's|^host = "pbx"$|host = "pbx16"\nasterisk = "16.28"|' keepline.toml >"$STATE/keepline16.toml.new"
    if cmp -s "$STATE/keepline16.toml.new" "$STATE/keepline16.toml"; then
        rm "$STATE/keepline16.toml.new"
    else
        mv "$STATE/keepline16.toml.new" "$STATE/keepline16.toml"
    fi
}
