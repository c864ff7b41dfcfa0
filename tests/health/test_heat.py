"""A machine that is slowed down by its temperature is told, and so is the end of it."""

from __future__ import annotations

import resource

import pytest

from perception.health import Health, Heat

S = 1_000_000_000


@pytest.fixture
def thermal(tmp_path):
    """As of a Jetson Orin: a zone, and below it a fan and the clocks of the GPU as cooling devices."""
    files = {
        "thermal_zone0/type": "cpu-thermal",
        "thermal_zone0/temp": "61250",
        "thermal_zone0/trip_point_0_type": "critical",
        "thermal_zone0/trip_point_0_temp": "104500",
        "thermal_zone0/trip_point_1_type": "passive",
        "thermal_zone0/trip_point_1_temp": "99000",
        "thermal_zone0/trip_point_2_type": "active",
        "thermal_zone0/trip_point_2_temp": "51000",
        "thermal_zone0/trip_point_3_type": "hot",
        "thermal_zone0/trip_point_3_temp": "0",
        "cooling_device0/type": "pwm-fan",
        "cooling_device0/cur_state": "3",
        "cooling_device1/type": "devfreq-17000000.gpu",
        "cooling_device1/cur_state": "0",
        "cooling_device1/max_state": "11",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    return tmp_path


def said(health, heat, now_s):
    heat(health.report(now_s * S))
    return {reason.name: reason.text for reason in health.report(now_s * S).reasons}.get("hot", "")


def test_warm_is_not_hot_and_a_fan_does_no_harm(thermal):
    health = Health("cam")
    assert said(health, Heat(health, thermal), 0) == ""


def test_a_zone_beyond_its_passive_point_is_told_until_it_is_cool(thermal):
    health = Health("cam")
    heat = Heat(health, thermal)
    (thermal / "thermal_zone0/temp").write_text("99500")
    assert said(health, heat, 0) == "cpu-thermal is at 100 °C, and slowed down from 99 °C on"
    (thermal / "thermal_zone0/temp").write_text("90000")
    assert said(health, heat, 1) != ""  # it looks every two seconds
    assert said(health, heat, 2) == ""


def test_lowered_clocks_are_told(thermal):
    health = Health("cam")
    (thermal / "cooling_device1/cur_state").write_text("4")
    assert said(health, Heat(health, thermal), 0) == "devfreq-17000000.gpu is slowed down, step 4 of 11"


@pytest.mark.parametrize("text", ["", "no number", "-1"])
def test_a_sensor_that_says_nothing_is_passed_over(text, thermal):
    health = Health("cam")
    for name in ("thermal_zone0/temp", "cooling_device1/cur_state"):
        (thermal / name).write_text(text)
    assert said(health, Heat(health, thermal), 0) == ""


def test_a_container_without_sensors_says_nothing(tmp_path):
    health = Health("cam")
    assert said(health, Heat(health, tmp_path / "none"), 0) == ""


def test_without_a_free_descriptor_what_was_said_stays(thermal):
    health = Health()
    heat = Heat(health, thermal)
    (thermal / "cooling_device1/cur_state").write_text("3\n")
    before = said(health, heat, 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        told = said(health, heat, 3)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert told == before != ""
