"""Write thoraq.env.example, the list of every setting, from scheduler/settings.py.

    make settings

A test checks that the file matches the settings.
"""

from __future__ import annotations

from pathlib import Path

from scheduler.settings import Settings

EXAMPLE = Path(__file__).with_name("thoraq.env.example")

HEAD = """\
# Every setting of thoraq with its default; remove the # to change one.
# One file is read: the one named by THORAQ_ENV_FILE, else thoraq.env in the working directory, else
# /etc/thoraq/thoraq.env, which the systemd units and this machine's operators share:
#     install -d -m 0750 -g thoraq /etc/thoraq
#     install -m 0640 -g thoraq thoraq.env.example /etc/thoraq/thoraq.env
#     sed -i -E 's/^#(THORAQ_(STATE|GROUP)=)/\\1/' /etc/thoraq/thoraq.env
# It may contain passwords: only root and that group may read it there, and only you your own copy
# (chmod 600).
"""

#: Shown for settings without a default, or whose default depends on the machine.
INSTEAD_OF_DEFAULT = {
    "state": "/var/lib/thoraq",
    "group": "thoraq",
    "database_url": "postgresql+psycopg://thoraq:PASSWORD@localhost:5432/thoraq",
    "broker_url": "redis://:PASSWORD@localhost:6379/0",
    "flower_password": "PASSWORD",
    "readers": "4",
    "runs": "/srv/thoraq/runs",
    "models": "/srv/thoraq/models",
    "converted": "/var/cache/thoraq",
    "roots": "/archive:/srv/radiographs",
    "connections": "/etc/thoraq/connections.toml",
    "received": "/srv/thoraq/received",
    "show_paths": "relative",
    "device_batch": "16",
    "device_workers": "1",
}


def text() -> str:
    """Return the file: a comment and a line for each setting, in order."""
    blocks = [HEAD]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else str(field.default)
        if isinstance(field.default, bool):
            default = default.lower()
        value = INSTEAD_OF_DEFAULT.get(name, default)
        blocks.append(f"# {field.description}\n#THORAQ_{name.upper()}={value}\n")
    return "\n".join(blocks)


if __name__ == "__main__":
    EXAMPLE.write_text(text(), encoding="utf-8")
