"""What comparisons do around their cells."""

import signal
import subprocess
import sys

WAITS = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
from mmattn.engine.experiments.session import end_on_sigterm
end_on_sigterm()
print('ready', flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    print('ended')
"""


def test_sigterm_interrupts_a_process_in_the_background():
    with subprocess.Popen([sys.executable, '-c', WAITS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'ready\n'
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=10)[0] == 'ended\n'
