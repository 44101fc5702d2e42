# The images: a Debian base, one for both Asterisks, one for the companion. Sourced by testpbx.
# A tag is the hash of what went in, so an image is built exactly when its inputs changed.
# shellcheck shell=bash

BASE_SUITE=forky
# Debian 11 has Asterisk 16: its images are for testing with an old PBX (pbx16).
OLD_SUITE=bullseye

ASTERISK_INPUTS=(Containerfile.asterisk asterisk)
KEEPLINE_INPUTS=(Containerfile.keepline keepline build.lock
    ../requirements.lock ../pyproject.toml ../README.md ../LICENSE ../agi ../ami_bridge ../dialplan_templates)

hash_of() {
    find "$@" -type f ! -path '*/__pycache__/*' ! -path '*/.*' -print0 | LC_ALL=C sort -z \
        | xargs -0 sha256sum | sha256sum | cut -c1-16
}

images_name() {
    KEEPLINE_ASTERISK_IMAGE=localhost/keepline-asterisk:$(hash_of "${ASTERISK_INPUTS[@]}")
    export KEEPLINE_ASTERISK_IMAGE
    KEEPLINE_ASTERISK16_IMAGE=localhost/keepline-asterisk16:$(hash_of "${ASTERISK_INPUTS[@]}")
    export KEEPLINE_ASTERISK16_IMAGE
    KEEPLINE_IMAGE=localhost/keepline:$(hash_of "${KEEPLINE_INPUTS[@]}")
    export KEEPLINE_IMAGE
}

image_exists() { "$ENGINE" image inspect "$1" >/dev/null 2>&1; }

# images_build [SERVICE...]: make what those services need.
images_build() {
    images_name
    local wanted=" ${*:-${SERVICES[*]}} "
    if [[ $wanted == *" pbx "* || $wanted == *" carrier"* ]]; then
        image_build "$BASE_SUITE" "$KEEPLINE_ASTERISK_IMAGE" Containerfile.asterisk "${ASTERISK_INPUTS[@]}"
    fi
    if [[ $wanted == *" pbx16 "* ]]; then
        image_build "$OLD_SUITE" "$KEEPLINE_ASTERISK16_IMAGE" Containerfile.asterisk "${ASTERISK_INPUTS[@]}"
    fi
    if [[ $wanted == *" keepline"* ]]; then
        image_build "$BASE_SUITE" "$KEEPLINE_IMAGE" Containerfile.keepline "${KEEPLINE_INPUTS[@]}"
    fi
}

image_build() {
    local suite=$1 tag=$2 file=$3 base context log=$STATE/build.log options=()
    shift 3
    image_exists "$tag" && return
    base_make "$suite"
    base=$BASE_FOUND
    say "building ${tag%%:*}"
    context=$(mktemp -d)
    # Only the inputs go to the engine, not the working tree around them.
    cp -r "$@" "$context"
    find "$context" -name __pycache__ -prune -exec rm -rf {} +
    # A network that inspects TLS has its own authority; pip in the build needs to know it. It stays out of the image.
    local bundle=${PIP_CERT:-${SSL_CERT_FILE:-}}
    [ -r "$bundle" ] && options+=(--secret "id=ca,src=$bundle")
    if ! DOCKER_BUILDKIT=1 "$ENGINE" build "${options[@]}" --build-arg "BASE=$base" -t "$tag" \
        -f "$context/$(basename "$file")" "$context" >"$log" 2>&1; then
        rm -rf "$context"
        tail -20 "$log" >&2
        die "the image could not be built; the whole log is $log"
    fi
    rm -rf "$context"
    images_forget "${tag%%:*}" "${tag##*:}"
}

# Remove earlier versions of an image; those a container still uses refuse, and stay.
images_forget() {
    "$ENGINE" images --format '{{.Repository}}:{{.Tag}}' | grep "^$1:" | grep -v ":$2\$" \
        | xargs -r "$ENGINE" rmi >/dev/null 2>&1 || true
    "$ENGINE" image prune -f --filter label=org.keepline.stage --filter until=2h >/dev/null 2>&1 || true
}

# Sets BASE_FOUND: a suite's official image if a registry answers within seconds, else one made from this machine's mirror.
base_make() {
    local image suite=$1 official=debian:$1-slim local_name=localhost/debian:$1-slim
    for image in "$local_name" "$official"; do
        if image_exists "$image"; then
            BASE_FOUND=$image
            return
        fi
    done
    if timeout 6 "$ENGINE" manifest inspect "$official" >/dev/null 2>&1 \
        && timeout 300 "$ENGINE" pull -q "$official" >/dev/null; then
        BASE_FOUND=$official
        return
    fi
    say "no image registry answers: making the Debian base from packages"
    base_bootstrap "$suite" "$local_name"
    BASE_FOUND=$local_name
}

base_bootstrap() {
    local suite=$1 name=$2 mirror tar=$STATE/base.tar
    command -v mmdebstrap >/dev/null || packages_install mmdebstrap
    mirror=$(apt-get indextargets --format '$(ORIGIN) $(SITE)' 2>/dev/null \
        | awk '$1 == "Debian" && $2 !~ /security/ { print $2; exit }')
    # A mirror may be a snapshot whose Release file says it is too old.
    mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
        "$suite" "$tar" ${mirror:+"$mirror"} >"$STATE/base.log" 2>&1 \
        || die "mmdebstrap could not make $suite: $(tail -1 "$STATE/base.log")"
    "$ENGINE" import "$tar" "$name" >>"$STATE/base.log" 2>&1 \
        || die "$ENGINE could not take the base image: $(tail -1 "$STATE/base.log")"
    rm -f "$tar"
}
