from .job import ProtocolJob, check_protocol, run_protocol
from .settings import ProtocolSettings
from .summary import RunSummary

__all__ = ["ProtocolJob", "ProtocolSettings", "RunSummary", "check_protocol", "run_protocol"]
