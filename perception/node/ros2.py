"""The node in ROS 2: the bus, the life cycle and the parameters. The only file that imports rclpy."""

from __future__ import annotations

import array
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import import_module
from threading import Event
from typing import Any

import rclpy
from rcl_interfaces.msg import (  # type: ignore[import-not-found]
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.exceptions import InvalidParameterTypeException, ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import get_rmw_implementation_identifier
from std_srvs.srv import SetBool  # type: ignore[import-not-found]

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

from perception.errors import PerceptionError
from perception.messages import PICTURE_TYPES, Record, fill
from perception.node.bus import Close, Receive
from perception.node.loading import Load, load
from perception.node.node import INACTIVE, PerceptionNode
from perception.node.parameters import ABOUT, DEFAULTS, About, Settings, Value, heed
from perception.signals import STOPS

NAME = "perception"
RESULTS = QoSProfile(depth=10)  # reliable: fits every subscriber
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
LARGE_DATA = "FASTDDS_BUILTIN_TRANSPORTS"
HEED_S = 0.1  # a signal is heeded within it
ROS_ERRORS = (rclpy_implementation.RCLError, rclpy_implementation.UnknownROSArgsError)
USUAL = "arguments such as --ros-args -p deadline_ms:=100.0 --params-file FILE"

log = logging.getLogger(__name__)


class RosPublisher:
    def __init__(self, node: Any, topic: str, type_name: str, latched: bool) -> None:
        self._node, self._type_name = node, type_name
        self._publisher = node.create_publisher(
            message_class(type_name), topic, LATCHED if latched else RESULTS
        )

    def publish(self, record: Record) -> None:
        self._publisher.publish(fill(constructor, self._type_name, record, as_array))

    def listeners(self) -> int:
        return self._publisher.get_subscription_count()

    def close(self) -> None:
        self._node.destroy_publisher(self._publisher)


class Ros2Bus:
    """Fills `perception.node.bus.Bus`."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._lost: dict[int, int] = {}  # subscription -> messages
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)

    def publisher(self, topic: str, type_name: str, latched: bool = False) -> RosPublisher:
        return RosPublisher(self._node, topic, type_name, latched)

    def subscribe(self, topic: str, type_name: str, receive: Receive, reliable: bool = False) -> Close:
        """With a queue of one: the node's mailbox is the only place where an image waits."""
        qos = QoSProfile(
            depth=1,
            history=HistoryPolicy.KEEP_LAST,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        )
        key = len(self._lost)
        self._lost[key] = 0
        events = SubscriptionEventCallbacks(
            incompatible_qos=partial(self._incompatible, topic),
            message_lost=partial(self._count_lost, key) if type_name in PICTURE_TYPES else None,
        )
        subscription = self._node.create_subscription(
            message_class(type_name), topic, receive, qos, event_callbacks=events
        )
        return partial(self._node.destroy_subscription, subscription)

    def every(self, seconds: float, call: Callable[[], None]) -> Close:
        """By a steady clock: diagnostics go on while simulated time stands still."""
        timer = self._node.create_timer(seconds, call, clock=self._steady)
        return partial(self._node.destroy_timer, timer)

    def now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds

    def sources(self, topic: str) -> int:
        return self._node.count_publishers(self._node.resolve_topic_name(topic))

    exact = False  # the middleware does not hear of all

    def lost(self) -> int:
        return sum(self._lost.values())

    def advice(self, type_name: str) -> str:
        fast = "fastrtps" in get_rmw_implementation_identifier()
        large = os.environ.get(LARGE_DATA) == "LARGE_DATA"
        if type_name != "sensor_msgs/msg/Image":
            if fast and not large:
                return (
                    "The network drops packets, or a killed process blocks the shared memory of Fast "
                    f"DDS: set {LARGE_DATA}=LARGE_DATA for the camera driver and this node"
                )
            return "The network drops packets: check it, or lower the quality of the JPEG"
        if not fast:
            return "A raw image is lost with any of its packets: raise net.core.rmem_max, or send JPEG"
        if large:
            return f"{LARGE_DATA}=LARGE_DATA is set here: is it for the camera driver, too?"
        return (
            "A raw image is thousands of UDP packets and lost with any of them: set "
            f"{LARGE_DATA}=LARGE_DATA for the camera driver and this node, or use transport:=compressed"
        )

    def _count_lost(self, key: int, info: Any) -> None:
        self._lost[key] = info.total_count

    def _incompatible(self, topic: str, info: Any) -> None:
        log.warning(
            "%s: expected a publisher whose quality of service fits, got %d whose does not (%s); set "
            "reliability:=best_effort, which fits all",
            topic,
            info.total_count,
            info.last_policy_kind,
        )


class RosNode(LifecycleNode):  # type: ignore[misc]
    """The transitions, parameters and services of a `PerceptionNode`."""

    def __init__(self, load: Load = load) -> None:
        super().__init__(NAME)
        for name, default in DEFAULTS.items():
            self.declare_parameter(name, default, descriptor(ABOUT[name], default))
        about = ParameterDescriptor(description="Configure and activate at the start.", read_only=True)
        self.declare_parameter("autostart", False, about)
        settings = Settings(**{name: self.get_parameter(name).value for name in DEFAULTS})
        self.it = PerceptionNode(Ros2Bus(self), settings, load)
        heed(self, self._may_set, self._was_set)
        self.create_service(SetBool, "~/enable", self._enable)

    def on_configure(self, state: Any) -> Any:
        return self._attempt(self.it.configure)

    def on_activate(self, state: Any) -> Any:
        return self._attempt(self.it.activate)

    def on_deactivate(self, state: Any) -> Any:
        return self._attempt(self.it.deactivate)

    def on_cleanup(self, state: Any) -> Any:
        return self._attempt(self.it.cleanup)

    def on_shutdown(self, state: Any) -> Any:
        return self._attempt(self.it.close)

    def start(self) -> None:
        """What a lifecycle manager would do, if autostart is set."""
        if self.get_parameter("autostart").value:
            self.trigger_configure()
            if self.it.state == INACTIVE:
                self.trigger_activate()

    def _attempt(self, step: Callable[[], None]) -> Any:
        """A fault of the world keeps the node in its state, and says why."""
        try:
            step()
        except PerceptionError as error:
            log.error("%s", error)
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def _may_set(self, parameters: Sequence[Any]) -> Any:
        reason = self.it.refusal(_values(parameters))
        return SetParametersResult(successful=reason is None, reason=reason or "")

    def _was_set(self, parameters: Sequence[Any]) -> None:
        self.it.change({name: value for name, value in _values(parameters).items() if name in ABOUT})

    def _enable(self, request: Any, response: Any) -> Any:
        response.success, response.message = True, self.it.enable(request.data)
        return response


class RosLog(logging.Handler):
    """The log of our modules, on /rosout."""

    def __init__(self, node: Any) -> None:
        super().__init__()
        name, severities = node.get_logger().name, map(rclpy.logging.LoggingSeverity, range(10, 60, 10))
        # One each: rclpy refuses to log from the same line of code with another severity than before.
        self._loggers = {severity: rclpy.logging.get_logger(name) for severity in severities}

    def emit(self, record: logging.LogRecord) -> None:
        severity = rclpy.logging.LoggingSeverity(min(50, max(10, record.levelno // 10 * 10)))
        try:
            self._loggers[severity].log(self.format(record), severity)
        except Exception:  # a line less in the log is no reason to stop
            self.handleError(record)


def main(arguments: Sequence[str] | None = None, load: Load = load) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP. SystemExit with the reason for parameters that cannot be.

    The signals are ours: rclpy would end its context at once, under a frame in work and a callback.
    """
    stop = Event()
    for number in (signal.SIGINT, *STOPS):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: stop.set())
    words = list(sys.argv if arguments is None else ["perception", *arguments])
    try:
        rclpy.init(args=words, signal_handler_options=SignalHandlerOptions.NO)
        node = RosNode(load)
    except InvalidParameterTypeException as error:
        raise SystemExit(f"error: {error}. Write a DOUBLE with a point: 100.0") from error
    except (PerceptionError, ParameterException) as error:
        raise SystemExit(f"error: {error}") from error
    except ROS_ERRORS as error:
        raise SystemExit(
            f"error: expected {USUAL}, got: {error}. docs/ros2.md lists the parameters"
        ) from error
    logging.getLogger("perception").addHandler(RosLog(node))
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        node.start()
        while not stop.is_set():
            executor.spin_once(timeout_sec=HEED_S)
    finally:
        node.it.close()
        node.destroy_node()
        rclpy.shutdown()


def descriptor(about: About, default: Value) -> Any:
    """What `ros2 param describe` shows; ROS 2 itself refuses what is out of range."""
    found = ParameterDescriptor(description=about.description)
    if about.choices:
        found.additional_constraints = f"one of {', '.join(about.choices)}"
    if not about.live:
        found.additional_constraints += " fixed while configured"
    if about.low is not None and about.high is not None:
        if isinstance(default, float):
            limits = FloatingPointRange(from_value=about.low, to_value=about.high)
            found.floating_point_range = [limits]
        else:
            found.integer_range = [IntegerRange(from_value=int(about.low), to_value=int(about.high), step=1)]
    return found


@cache
def message_class(type_name: str) -> Any:
    """ "std_msgs/msg/Header" -> class. Raises PerceptionError if the package is not there."""
    package, _, name = type_name.split("/")
    try:
        return getattr(import_module(f"{package}.msg"), name)
    except ImportError as error:
        raise PerceptionError(
            f"expected the ROS package {package}, got: {error}; install it or build it with colcon and "
            "source the workspace (docs/ros2.md)"
        ) from error


def constructor(type_name: str) -> Callable[..., Any]:
    """Takes the fields of a record."""
    kind = message_class(type_name)
    if type_name != "diagnostic_msgs/msg/DiagnosticStatus":
        return kind
    return lambda level, **others: kind(level=bytes([level]), **others)  # a ROS byte is bytes in Python


def as_array(values: bytes | list[float]) -> Any:
    """For uint8[]: from anything else, rclpy copies value by value (90 ms for an image)."""
    if not isinstance(values, bytes):
        return values
    data = array.array("B")
    data.frombytes(values)
    return data


def _values(parameters: Sequence[Any]) -> dict[str, Value]:
    return {parameter.name: parameter.value for parameter in parameters}


if __name__ == "__main__":
    main()
