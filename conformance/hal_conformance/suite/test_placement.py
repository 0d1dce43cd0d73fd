"""Where nodes ran: predictions, facts and times, and whether they agree."""

from __future__ import annotations

from hal.device import Device
from hal.executable import Executable
from hal.model import Model
from hal.spec import WHERES
from hal.tensor import Array
from hal_conformance.suite import check, hostile
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import promise


def _nodes(model: bytes) -> list[tuple[str, str]]:
    return sorted((node.id, node.op) for node in Model(model).facts.nodes)


@promise("placement/every-node-once", "placement")
def test_placement_names_every_node_once(
    exe: Executable, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    exe(feeds)
    placement = exe.placement()
    placed = sorted((node.node, node.op) for node in placement.nodes)
    check.equal(placed, _nodes(zoo.arithmetic()), "placed nodes")
    for node in placement.nodes:
        check.equal(node.where in WHERES, True, f"{node.where!r} of {node.node!r} is a place")
    known = ("assigned", "profiled", "logged", "claimed")
    check.equal(placement.evidence in known, True, f"{placement.evidence!r} is evidence")


@promise("placement/no-fallback-unasked", "placement")
def test_no_node_falls_back_unless_it_may(device: Device, zoo: Zoo) -> None:
    for model in (zoo.arithmetic(), zoo.shifted(1), zoo.chain()):
        with device.compile(model, allow_fallback=False) as exe:
            elsewhere = [node.node for node in exe.placement().nodes if node.where == "host"]
            check.equal(elsewhere, [], "nodes on the host, where fallback is not allowed")


@promise("placement/agrees-with-the-prediction", "placement", "query")
def test_placement_agrees_with_the_prediction(device: Device, zoo: Zoo) -> None:
    model = zoo.arithmetic()
    support = device.query(model)
    refused = {node.node for node in support.nodes if not node.supported}
    with device.compile(model, allow_fallback=True) as exe:
        there = {node.node for node in exe.placement().nodes if node.where == "device"}
    check.equal(sorted(there & refused), [], "nodes on a device that refuses them")


@promise("query/takes-what-it-compiles", "query")
def test_a_device_predicts_that_it_takes_what_it_takes(device: Device, zoo: Zoo) -> None:
    model = zoo.arithmetic()
    device.compile(model, allow_fallback=False).close()
    support = device.query(model, allow_fallback=False)
    predicted = sorted((node.node, node.op) for node in support.nodes)
    check.equal(predicted, _nodes(model), "nodes of the prediction")
    refused = [f"{node.node}: {node.reason}" for node in support.nodes if not node.supported]
    check.equal(refused, [], "nodes it refuses and compiles")


@promise("query/refuses-unknown-operators", "query")
def test_a_device_predicts_that_it_refuses_an_unknown_operator(
    device: Device, zoo: Zoo
) -> None:
    support = device.query(hostile.unknown_domain(zoo))
    check.equal(support.complete, False, "an unknown operator is predicted to run")
    reasons = [node.reason for node in support.nodes if not node.supported]
    check.equal(all(reasons), True, f"each no has a reason: {reasons}")


@promise("profile/times-nodes-of-the-model", "profile")
def test_a_profile_times_nodes_of_the_model(
    exe: Executable, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    times = exe.profile(feeds)
    check.equal(bool(times), True, "a profile holds times")
    strangers = {time.node for time in times} - {name for name, _ in _nodes(zoo.arithmetic())}
    check.equal(sorted(strangers), [], "timed nodes that are not in the model")
    for time in times:
        check.equal(0 <= time.seconds < 60, True, f"{time.node} took {time.seconds} s")
