"""Lambda of the lab: invocations on real processes, with what AWS logs about them, and faults by function.

Patches `ministack.services.lambda_svc`: `_execute_function_dispatch` for `provided.*` runtimes, `_provided_worker_env`
(a function sees Lambda's environment, not the lab's), `_create_function` (a role that Lambda cannot assume is refused).
"""

from __future__ import annotations

import math
import os
from typing import Any

import ministack.core.lambda_runtime as runtime
import ministack.services.lambda_svc as svc

from .. import context
from ..gateway import current_call
from ..iam import RoleError, trusts
from . import embedded_metrics, lambda_worker
from .lambda_worker import LabWorker, Outcome
from .pins import replace

_stock_dispatch = svc._execute_function_dispatch
_stock_env = svc._provided_worker_env

# What a provided.al2023 process has (lambda docs, "Defined runtime environment variables"), of the lab's environment.
KEPT = frozenset({"AWS_ENDPOINT_URL", "TMPDIR"})
FIXED = {"PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin", "LANG": "en_US.UTF-8", "TZ": ":UTC"}

COUNT = "clock"  # the file below the lab's home, see _count


def named(wanted: str, function: str) -> bool:
    """Whether a fault's function name means this function: its name, or the part after its stack's prefix."""
    return function == wanted or function.endswith(f"-{wanted}")


def execute(func: dict, config: dict, event: Any, request_id: str, started: float) -> dict:
    """One accounted invocation; ministack's result dict {body, error?, log}."""
    if not str(config.get("Runtime", "")).startswith("provided") or not func.get("code_zip"):
        return _stock_dispatch(func, config, event, request_id, started)
    lab, name = context.lab, config.get("FunctionName", "unknown")
    effect = lab.faults.take("function", lambda spec: named(spec["function"], name), function=name)
    call = current_call()
    caller = call.caller if call else None
    result = _on_worker(func, config, event, request_id, effect)
    error = result.body.get("errorType") if result.outcome != "ok" else None
    lab.record.add(
        "lambda",
        function=name,
        request_id=request_id,
        outcome=result.outcome,
        error=error,
        init_ms=None if result.init_ms is None else round(result.init_ms, 2),
        duration_ms=round(result.duration_ms, 2),
        peak_mb=math.ceil(result.peak_mb),
        caller=caller,
    )
    lines = log_lines(config, request_id, result)
    # "rie": the text holds the platform's own lines, so that ministack adds none
    svc._emit_lambda_logs(
        func, request_id, "\n".join(lines), result.outcome != "ok", int(result.duration_ms), log_source="rie"
    )
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
    embedded_metrics.extract(name, group, lines)
    answer: dict[str, Any] = {"body": result.body, "log": "\n".join(lines)}
    if result.outcome != "ok":
        answer["error"] = True
    return answer


def _on_worker(func: dict, config: dict, event: Any, request_id: str, effect: str | None) -> Outcome:
    name, qualifier = config.get("FunctionName", "unknown"), config.get("Version", "$LATEST")
    worker, _ = runtime.acquire_worker(name, config, func["code_zip"], qualifier=qualifier)
    try:
        assert isinstance(worker, LabWorker)
        trace = svc._xray_trace_id_for_invocation(config)
        return worker.serve(event, request_id, config.get("FunctionArn", ""), trace, effect)
    except Exception as error:  # the environment could not be made: AWS tells the caller, with a Runtime.* name
        account, region = svc._account_region_from_function_config(config)
        runtime.invalidate_worker(name, qualifier=qualifier, account=account, region=region)
        kind = getattr(error, "error_type", "") or "Runtime.ExitError"
        return Outcome("crashed", {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {error}"})
    finally:
        runtime.release_worker(worker)


def log_lines(config: dict, request_id: str, result: Outcome) -> list[str]:
    """The invocation as CloudWatch Logs shows it: START, the function's own lines, END, REPORT (tabs between fields).

    Since August 2025 AWS bills the init phase of every function type, so it is in the billed duration.
    """
    billed = math.ceil(result.duration_ms + (result.init_ms or 0.0))
    report = (
        f"REPORT RequestId: {request_id}\tDuration: {result.duration_ms:.2f} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: {config.get('MemorySize', 128)} MB\tMax Memory Used: {math.ceil(result.peak_mb)} MB"
    )
    if result.init_ms is not None:
        report += f"\tInit Duration: {result.init_ms:.2f} ms"
    if result.outcome == "timeout":
        report += "\tStatus: timeout"
    elif result.outcome == "crashed":
        report += f"\tStatus: error\tError Type: {result.body['errorType']}"
    return [
        f"START RequestId: {request_id} Version: {config.get('Version', '$LATEST')}",
        *result.log.splitlines(),
        f"END RequestId: {request_id}",
        report,
    ]


def environment(config: dict, code_dir: str, port: int) -> dict[str, str]:
    """The process's environment: Lambda's, the function's own, and the lab's endpoint; nothing of the user's shell."""
    inherited = set(os.environ) - KEPT
    stock = _stock_env(config, code_dir, port)
    own = svc._runtime_env_vars(config)
    changed = {k: v for k, v in stock.items() if k not in inherited or v != os.environ[k] or k.startswith("AWS_LAMBDA")}
    region = config.get("FunctionArn", "").split(":")[3:4] or [context.REGION]
    name = config.get("FunctionName", "unknown")
    log_group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
    return {
        **FIXED,
        **changed,
        "AWS_REGION": region[0],
        "AWS_DEFAULT_REGION": region[0],
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        # How long a second of the product takes (functions/src/aws/clock.rs): as long as the lab's; and since when.
        "MIRRORSNAP_SECOND_MILLISECONDS": str(context.lab.clock.real(1000)),
        "MIRRORSNAP_CLOCK_START": str(context.lab.clock.time() - context.lab.clock.monotonic()),
        # Where lab time stands still, a function's does not pass either.
        "MIRRORSNAP_CLOCK_FILE": str(context.lab.home / COUNT),
        **{k: str(v) for k, v in own.items()},
        "AWS_ENDPOINT_URL": stock["AWS_ENDPOINT_URL"],  # a function must not leave the lab
    }


_stock_create = svc._create_function


def create_function(data: dict) -> Any:
    """CreateFunction refuses a role that Lambda cannot assume, as AWS does."""
    try:
        trusts(str(data.get("Role") or ""), "lambda.amazonaws.com")
    except RoleError:
        message = "The role defined for the function cannot be assumed by Lambda."
        return svc.error_response_json("InvalidParameterValueException", message, 400)
    return _stock_create(data)


def stop() -> None:
    """No function outlives the lab."""
    with runtime._lock:
        workers = [w for entries in runtime._workers.values() for w in entries]
        runtime._workers.clear()
    runtime.kill_workers(workers)


def _count() -> None:
    """Lab time in real milliseconds, for the functions: one number, always of the same length."""
    clock = context.lab.clock
    fd = os.open(context.lab.home / COUNT, os.O_WRONLY | os.O_CREAT, 0o644)
    clock.host.on_tick = lambda: os.pwrite(fd, b"%015d\n" % (clock.real(clock.monotonic()) * 1000), 0)


def install() -> Any:
    lambda_worker.install()
    svc._execute_function_dispatch = execute
    svc._provided_worker_env = environment
    svc._create_function = create_function
    # An asynchronous invocation that failed is repeated after one minute, then after two ("Asynchronous invocation").
    svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS = context.lab.clock.real(60)
    svc._LAMBDA_ASYNC_RETRY_MAX_SECONDS = context.lab.clock.real(120)
    replace(svc, "time", context.lab.clock.host.module())  # its sleeps, which it computes itself
    _count()
    return stop
