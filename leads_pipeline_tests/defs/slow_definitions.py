"""A code location whose one run starts by itself and takes longer than any test, and a sensor that takes its time."""

import time

import dagster as dg


@dg.op
def sleep() -> None:
    time.sleep(600)


@dg.job(executor_def=dg.in_process_executor)
def slow() -> None:
    sleep()


@dg.sensor(job=slow, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def once() -> dg.RunRequest:
    return dg.RunRequest(run_key="once")


@dg.sensor(job=slow, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def thorough() -> dg.SkipReason:
    time.sleep(1)  # Long enough for a worker that is told to stop to meet it at its look.
    return dg.SkipReason("There was nothing.")


definitions = dg.Definitions(jobs=[slow], sensors=[once, thorough])
