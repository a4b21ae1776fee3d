"""What spk answers with: the JSON of the commands, of the HTTP API and of the client, as typed values."""

from spk.messages.base import Message
from spk.messages.galleries import GalleryInfo
from spk.messages.jobs import JobInfo
from spk.messages.problems import Problem

__all__ = ["GalleryInfo", "JobInfo", "Message", "Problem"]
