"""How a camera is, asked from outside."""

import asyncio

from perception.health import Health, Report
from perception.serve.pulse import Pulse, together
from tests.serve.fakes import FakeSource, camera


def test_heat_is_said_by_the_health_of_a_source_that_opens_later(tmp_path, monkeypatch):
    zone = tmp_path / "thermal_zone0"
    zone.mkdir()
    facts = {"temp": 101_000, "type": "cpu", "trip_point_0_type": "passive", "trip_point_0_temp": 95_000}
    for name, value in facts.items():
        (zone / name).write_text(str(value))
    monkeypatch.setattr("perception.health.heat.THERMAL", tmp_path)
    front = camera(FakeSource())

    async def go():
        pulse = asyncio.create_task(Pulse({"front": front}, {}).run())
        await asyncio.sleep(0.1)
        front.health = Health("opened")
        await asyncio.sleep(0.3)
        pulse.cancel()

    asyncio.run(go())
    assert "hot" in [reason.name for reason in front.report().reasons]


def test_one_camera_of_which_nothing_becomes_is_told_of_all():
    reports = {"front": Report("a", "failed", 0, 0), "rear": Report("b", "stale", 0, 0, hung=True)}
    assert together(reports).hung
    assert not together({"front": reports["front"]}).hung
