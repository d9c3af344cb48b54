"""Errors that a user can act on: each message gives the rule, the value and the way out.

The command line prints the message in one line and exits with the error's `exit_code`;
anything else that escapes is a bug and keeps its traceback.
"""


def reason(fault: BaseException) -> str:
    """What a fault of the system or of a library says, in a few words on one line."""
    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror
    if isinstance(fault, KeyError) and fault.args:
        return f"{fault} is missing in it"
    if isinstance(fault, MemoryError):
        return "it asks for more memory than there is"
    words = " ".join(str(fault).split())[:250].rstrip(".")
    return words or type(fault).__name__


class LeNetTuneError(Exception):
    """Base of every error raised on purpose by this package."""

    exit_code = 1


class SettingError(LeNetTuneError, ValueError):
    """A setting, knob or option has a value outside its rule."""

    exit_code = 2


class InfeasibleError(SettingError):
    """A setting is valid knob by knob, but no network can be built from it.

    For example a 5x5 convolution on a 3x3 map. Searches never train such a setting.
    """


class SearchError(LeNetTuneError):
    """A search cannot go on, for example because every trial failed."""

    exit_code = 3


class CallbackError(SearchError):
    """A callback of the caller raised."""


class EngineHangsError(SearchError):
    """The engine does not come back; a thread in compiled code cannot be stopped, so the process must end."""


class StudyError(LeNetTuneError):
    """A study file cannot be read, written or continued."""

    exit_code = 4


class DamagedStudyError(StudyError):
    """A study file is no longer a database, or has bad pages."""

    def __init__(self, path: object, reason: object) -> None:
        self.reason = " ".join(str(reason).split())
        super().__init__(
            f"The study file {path} is damaged: {self.reason}. `lenet-tune export {path}` writes what can be "
            "read of it; the search's own command keeps it aside and starts anew."
        )


class StudyInUseError(StudyError):
    """Another process works on the study."""

    exit_code = 5


class DataError(LeNetTuneError):
    """A data set is missing, damaged, hostile or of the wrong form."""

    exit_code = 6
