"""Errors of settings, broker, queues and processes.

    SchedulerError                      code, permanent, kind
    |-- BrokerUnavailable               broker-unavailable     transient
    |-- BrokerRefuses                   broker-refuses
    |-- BrokerUntrusted                 broker-untrusted
    |-- NoServerBinary                  no-server-binary
    |-- MemberFails                     member-fails
    |-- WorkersGone                     workers-gone
    |-- NoFiles                         no-files
    |-- PlaceMissing                    place-missing
    |-- PlaceForbidden                  place-forbidden
    |-- PlaceAltered                    place-altered
    |-- ReasonsForeign                  reasons-foreign
    |-- DevicesUnknown                  devices-unknown
    |-- DeviceMissing                   device-missing
    |-- NoModelServed                   no-model-served
    |-- ModelAbsent                     model-absent
    |-- ModelWorse                      model-worse
    |-- VersionReserved                 version-reserved
    |-- KeyUnusable                     key-unusable
    |-- PasswordNeeded                  password-needed
    |-- PasswordUnusable                password-unusable
    |-- PortUnusable                    port-unusable
    |-- WrongSetting                    wrong-setting
    |-- SettingsUntrusted               settings-untrusted
    |-- SettingsUnreadable              settings-unreadable
    |-- SettingsMissing                 settings-missing
    |-- ConnectionsMissing              connections-missing
    |-- ConnectionsUntrusted            connections-untrusted
    |-- ConnectionsInvalid              connections-invalid
    |-- MessageInvalid                  message-invalid
    |-- MessageSetAside                 message-set-aside
    |-- BrokerKeyReplaced               broker-key-replaced
    |-- ControlRefused                  control-refused
    `-- QueueForsaken                   queue-forsaken         transient

Codes are stable. The message contains the remedy.
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError

#: EX_CONFIG of sysexits.h: exit code of a process that cannot start without a repair.
MISCONFIGURED = 78


class SchedulerError(ThoraqError):
    """Something cannot be scheduled."""

    code = "scheduler-error"
    kind = ErrorKind.QUEUE


class BrokerUnavailable(SchedulerError):
    """The broker does not answer; see `thoraq doctor`. Nothing is lost: run the command again."""

    code = "broker-unavailable"
    permanent = False


class BrokerRefuses(SchedulerError):
    """The broker rejects the user or password; correct them in THORAQ_BROKER_URL."""

    code = "broker-refuses"


class BrokerUntrusted(SchedulerError):
    """The TLS connection fails; check rediss:// and ssl_ca_certs=FILE in THORAQ_BROKER_URL."""

    code = "broker-untrusted"


class NoServerBinary(SchedulerError):
    """No Redis server is installed; install redis-server, or set THORAQ_BROKER_URL."""

    code = "no-server-binary"


class MemberFails(SchedulerError):
    """A process dies as soon as it starts; repair what its log names, then run it again."""

    code = "member-fails"


class WorkersGone(SchedulerError):
    """Every worker died while files were waiting; see the logs in the state folder."""

    code = "workers-gone"
    kind = ErrorKind.QUEUE


class NoFiles(SchedulerError):
    """The paths contain no files; name a file or a folder that contains files."""

    code = "no-files"
    kind = ErrorKind.NOT_FOUND


class PlaceMissing(SchedulerError):
    """The file or folder does not exist; check the path, and that the share is mounted."""

    code = "place-missing"
    kind = ErrorKind.NOT_FOUND


class PlaceForbidden(SchedulerError):
    """The path is outside the folders in THORAQ_ROOTS; move the file there, or add its folder."""

    code = "place-forbidden"
    kind = ErrorKind.USAGE


class PlaceAltered(SchedulerError):
    """A link or file blocks a folder of the watch, so files are not moved; remove it."""

    code = "place-altered"
    kind = ErrorKind.USAGE


class ReasonsForeign(SchedulerError):
    """failed/reasons.csv was not written by thoraq; move it away, and a new one is created."""

    code = "reasons-foreign"


class DevicesUnknown(SchedulerError):
    """The devices of this machine could not be listed; run `python -m network.devices`."""

    code = "devices-unknown"


class DeviceMissing(SchedulerError):
    """The device does not exist on this machine; `thoraq doctor` lists its devices."""

    code = "device-missing"
    kind = ErrorKind.USAGE


class NoModelServed(SchedulerError):
    """No network is served; choose one of `thoraq models list` with `thoraq models promote`."""

    code = "no-model-served"


class ModelAbsent(SchedulerError):
    """The network's files are missing; copy them with `thoraq models register FOLDER`."""

    code = "model-absent"
    kind = ErrorKind.NETWORK


class ModelWorse(SchedulerError):
    """The card states larger errors than the served network's, or no errors; see --force."""

    code = "model-worse"
    kind = ErrorKind.USAGE


class VersionReserved(SchedulerError):
    """The name is invalid; use letters, digits, . _ -, and no name like thoraq-1."""

    code = "version-reserved"
    kind = ErrorKind.USAGE


class KeyUnusable(SchedulerError):
    """The key file cannot be read or created; check the permissions of the state folder."""

    code = "key-unusable"
    kind = ErrorKind.USAGE


class PasswordNeeded(SchedulerError):
    """Flower would be open to the network; set THORAQ_FLOWER_PASSWORD, or use loopback."""

    code = "password-needed"
    kind = ErrorKind.USAGE


class PasswordUnusable(SchedulerError):
    """Use ASCII without commas for Flower's user and password, and no colon in the user."""

    code = "password-unusable"
    kind = ErrorKind.USAGE


class PortUnusable(SchedulerError):
    """Flower cannot listen on the port; free it, or give another --port or --address."""

    code = "port-unusable"
    kind = ErrorKind.USAGE


class WrongSetting(SchedulerError):
    """A THORAQ_ variable or a line of thoraq.env has an invalid value; correct it."""

    code = "wrong-setting"
    kind = ErrorKind.USAGE


class SettingsUntrusted(SchedulerError):
    """Other users could change thoraq.env; own it, `chmod go-w` it, and do not use a link."""

    code = "settings-untrusted"
    kind = ErrorKind.USAGE


class SettingsUnreadable(SchedulerError):
    """The file is not readable; `chgrp thoraq` and `chmod 640` it, and join that group."""

    code = "settings-unreadable"
    kind = ErrorKind.USAGE


class SettingsMissing(SchedulerError):
    """THORAQ_ENV_FILE names a file that does not exist; correct it, or unset it."""

    code = "settings-missing"
    kind = ErrorKind.USAGE


class ConnectionsMissing(SchedulerError):
    """The file that THORAQ_CONNECTIONS names cannot be read; correct the setting, or its rights."""

    code = "connections-missing"
    kind = ErrorKind.USAGE


class ConnectionsUntrusted(SchedulerError):
    """Others could have written the file of connections; own it, and `chmod go-w` it."""

    code = "connections-untrusted"
    kind = ErrorKind.USAGE


class ConnectionsInvalid(SchedulerError):
    """The file of connections has a value thoraq cannot use; correct it."""

    code = "connections-invalid"
    kind = ErrorKind.USAGE


class MessageInvalid(SchedulerError):
    """A message is malformed and was not sent by thoraq; check who else writes to the broker."""

    code = "message-invalid"


class MessageSetAside(SchedulerError):
    """A message crashed workers and was removed from its queue; `thoraq doctor` shows where."""

    code = "message-set-aside"


class BrokerKeyReplaced(SchedulerError):
    """A broker key had the wrong type and was removed; check who else writes to the broker."""

    code = "broker-key-replaced"


class ControlRefused(SchedulerError):
    """Workers obey remote commands that change something only with THORAQ_REMOTE_CONTROL=true."""

    code = "control-refused"


class QueueForsaken(SchedulerError):
    """A worker had stopped consuming and consumes again; check who sends it remote commands."""

    code = "queue-forsaken"
    permanent = False
