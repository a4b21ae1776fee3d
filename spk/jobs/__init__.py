"""Work that takes longer than a request: kept in SQL, begun by a queue, done by workers.

SQL is the truth: a job is there once `Queue.submit` has returned, one worker takes it, and it ends once. The queue
only wakes workers: a message that is lost is made up for by looking into SQL, and one that comes twice does no harm.
"""

from spk.jobs.context import JobContext, StoppedError
from spk.jobs.handlers import HANDLERS, Handler
from spk.jobs.queue import Queue
from spk.jobs.webhooks import verify_signature

__all__ = ["HANDLERS", "Handler", "JobContext", "Queue", "StoppedError", "verify_signature"]
