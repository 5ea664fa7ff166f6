"""Why something cannot be scheduled.

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

A code is stable. The message says what to do.
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError

#: EX_CONFIG of sysexits.h: what a member says that will not start before something is repaired.
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
    """The broker takes no such user or password; correct them in THORAQ_BROKER_URL."""

    code = "broker-refuses"


class BrokerUntrusted(SchedulerError):
    """No safe way to the broker; check rediss:// and ssl_ca_certs=FILE in THORAQ_BROKER_URL."""

    code = "broker-untrusted"


class NoServerBinary(SchedulerError):
    """No Redis server to embed; install redis-server, or set THORAQ_BROKER_URL to one that runs."""

    code = "no-server-binary"


class MemberFails(SchedulerError):
    """A process that measures ends as soon as it starts; repair what its log says, then go on."""

    code = "member-fails"


class WorkersGone(SchedulerError):
    """Every worker ended while files were waiting; the logs in the state folder say why."""

    code = "workers-gone"
    kind = ErrorKind.QUEUE


class NoFiles(SchedulerError):
    """The paths hold no file; name a folder or file that exists and holds some."""

    code = "no-files"
    kind = ErrorKind.NOT_FOUND


class PlaceMissing(SchedulerError):
    """There is no such file or folder; check the path, and that the share is mounted."""

    code = "place-missing"
    kind = ErrorKind.NOT_FOUND


class PlaceForbidden(SchedulerError):
    """It lies outside the folders that THORAQ_ROOTS allows; move it there, or add its folder."""

    code = "place-forbidden"
    kind = ErrorKind.USAGE


class PlaceAltered(SchedulerError):
    """A link is where the watch needs a folder of its own; nothing is moved there: remove it."""

    code = "place-altered"
    kind = ErrorKind.USAGE


class ReasonsForeign(SchedulerError):
    """failed/reasons.csv was not written by the watch; move it away, and a new one is made."""

    code = "reasons-foreign"


class DevicesUnknown(SchedulerError):
    """The devices of this machine could not be listed; run `python -m network.devices`."""

    code = "devices-unknown"


class DeviceMissing(SchedulerError):
    """No such device on this machine; `thoraq doctor` lists those it has."""

    code = "device-missing"
    kind = ErrorKind.USAGE


class NoModelServed(SchedulerError):
    """No network is chosen to measure with; `thoraq models list` shows those there are."""

    code = "no-model-served"


class ModelAbsent(SchedulerError):
    """The network's files are not where workers look; `thoraq models register FOLDER` puts them."""

    code = "model-absent"
    kind = ErrorKind.NETWORK


class ModelWorse(SchedulerError):
    """The card states larger errors than that of the served network, or none; see --force."""

    code = "model-worse"
    kind = ErrorKind.USAGE


class VersionReserved(SchedulerError):
    """The name cannot be a network's; take letters, digits, . _ -, and nothing like thoraq-1."""

    code = "version-reserved"
    kind = ErrorKind.USAGE


class KeyUnusable(SchedulerError):
    """The key file for patient numbers cannot be read or made; check the state folder's rights."""

    code = "key-unusable"
    kind = ErrorKind.USAGE


class PasswordNeeded(SchedulerError):
    """Flower would be open to the network; set THORAQ_FLOWER_PASSWORD, or leave it on loopback."""

    code = "password-needed"
    kind = ErrorKind.USAGE


class PasswordUnusable(SchedulerError):
    """Flower splits its user and password at commas and knows ASCII alone; choose others."""

    code = "password-unusable"
    kind = ErrorKind.USAGE


class PortUnusable(SchedulerError):
    """Flower cannot listen there; end what has the port, or give another --port or --address."""

    code = "port-unusable"
    kind = ErrorKind.USAGE


class WrongSetting(SchedulerError):
    """A THORAQ_ variable or a line of thoraq.env has a value thoraq cannot use; correct it."""

    code = "wrong-setting"
    kind = ErrorKind.USAGE


class SettingsUntrusted(SchedulerError):
    """Others could have written thoraq.env; own it, `chmod go-w` it, and let it be no link."""

    code = "settings-untrusted"
    kind = ErrorKind.USAGE


class SettingsUnreadable(SchedulerError):
    """The file is closed to this user; `chgrp thoraq` and `chmod 640` it, and join that group."""

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
    """A message holds something other than a chunk's number; it was not sent by thoraq."""

    code = "message-invalid"


class MessageSetAside(SchedulerError):
    """A message ended workers and was taken out of its queue; `thoraq doctor` says where it is."""

    code = "message-set-aside"


class BrokerKeyReplaced(SchedulerError):
    """A key of the broker held something strange and was removed; see who else writes there."""

    code = "broker-key-replaced"


class ControlRefused(SchedulerError):
    """Workers obey remote commands that change something under THORAQ_REMOTE_CONTROL=true alone."""

    code = "control-refused"


class QueueForsaken(SchedulerError):
    """A worker had stopped to take from its queue, and takes from it again; see who told it to."""

    code = "queue-forsaken"
    permanent = False
