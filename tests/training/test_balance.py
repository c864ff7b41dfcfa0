"""What every balancing method promises, and what each should say by its paper or another formula."""

from __future__ import annotations

import copy
import itertools
from functools import cache

import numpy as np
import pytest

from perception.training.balance import BALANCE
from perception.training.balance.cagrad import C
from perception.training.balance.mgda import shortest

ON_GRADIENTS = [name for name, make in BALANCE.items() if getattr(make, "mix", None)]
CONFLICT_FREE = [
    "mgda",
    "upgrad",
    "aligned_mtl",
    "config",
    "imtl_g",
    "nash_mtl",
]  # no task loses, by the paper
TASKS = ("detection", "lanes", "signs", "drivable")


def method(name, **weights):
    return BALANCE[name](weights, 3)


def gradients(seed, tasks=4, size=30, conflict=0.0):
    """(tasks, size): random, with a part that opposes the others' mean."""
    g = np.random.default_rng(seed).normal(size=(tasks, size))
    if conflict:
        g[0] -= conflict * g[1:].mean(0) * np.sqrt(tasks)
    return g


def warmed(name):
    """A method that has seen some steps, each without one task."""
    one = method(name)
    one.restore(copy.deepcopy(memory(name)))
    return one


@cache
def memory(name, steps=230):
    one = method(name)
    rng = np.random.default_rng(0)
    for k in range(steps):
        there = [t for i, t in enumerate(TASKS) if i != k % 5]
        losses = dict(zip(there, rng.uniform(0.1, 3, len(there)) * 0.995**k, strict=True))
        g = gradients(k, len(there))
        one.weights(losses, g @ g.T)
        one.observe({t: 0.99 * x for t, x in losses.items()})
    return one.state()


def asked(one, losses, g):
    """Weights for `losses` without changing what `one` remembers."""
    return copy.deepcopy(one).weights(losses, g @ g.T)


LOSSES = dict(zip(TASKS, (1.4, 0.5, 0.55, 0.1), strict=True))


@pytest.mark.parametrize("name", BALANCE)
def test_weights_are_of_the_tasks_present_and_finite(name):
    for count in range(1, 5):
        for there in itertools.combinations(TASKS, count):
            found = asked(warmed(name), {t: LOSSES[t] for t in there}, gradients(1, count))
            assert set(found) == set(there)
            assert np.isfinite(list(found.values())).all()


@pytest.mark.parametrize("name", BALANCE)
def test_one_task_gets_its_plain_gradient(name):
    found = asked(warmed(name), {"lanes": 0.7}, gradients(2, 1))
    assert found == {"lanes": pytest.approx(1.0)}


@pytest.mark.parametrize("name", BALANCE)
@pytest.mark.parametrize("order", [(3, 1, 0, 2), (1, 2, 3, 0)])
def test_another_order_of_tasks_changes_nothing(name, order):
    one, g = warmed(name), gradients(3, conflict=0.7)
    first = asked(one, LOSSES, g)
    turned = asked(one, {TASKS[i]: LOSSES[TASKS[i]] for i in order}, g[list(order)])
    assert turned == {t: pytest.approx(w, rel=1e-4, abs=1e-6) for t, w in first.items()}


@pytest.mark.parametrize("name", BALANCE)
def test_what_is_kept_goes_on_as_if_not_interrupted(name):
    whole, again = warmed(name), method(name)
    again.restore(whole.state())
    for k in range(3):
        g = gradients(k)
        assert whole.weights(LOSSES, g @ g.T) == again.weights(LOSSES, g @ g.T)
        whole.observe(LOSSES)
        again.observe(LOSSES)


@pytest.mark.parametrize("name", BALANCE)
def test_a_step_without_a_task_is_the_step_of_the_problem_without_it(name):
    one, never = warmed(name), method(name)
    never.restore({key: without("signs", value) for key, value in one.state().items()})
    three, g = {t: LOSSES[t] for t in TASKS if t != "signs"}, gradients(5, 3)
    assert one.weights(three, g @ g.T) == never.weights(three, g @ g.T)


def without(task, kept):
    return {t: x for t, x in kept.items() if t != task} if isinstance(kept, dict) else kept


@pytest.mark.parametrize("name", CONFLICT_FREE)
@pytest.mark.parametrize("factor", [1, 30, 1000])
@pytest.mark.parametrize("seed", range(6))
def test_no_task_loses_however_its_loss_is_scaled(name, factor, seed):
    g = gradients(seed, conflict=0.9)
    g[seed % 4] *= factor
    weights = np.array(list(method(name).weights(LOSSES, g @ g.T).values()))
    step = weights @ g
    cosine = g @ step / np.linalg.norm(g, axis=1) / max(np.linalg.norm(step), 1e-12)
    assert cosine.min() >= -1e-3


@pytest.mark.parametrize("name", ON_GRADIENTS)
def test_scaling_a_loss_does_not_turn_the_step(name):
    g = gradients(8, conflict=0.8)
    loud = g * np.array([[1.0], [100.0], [1.0], [1.0]])
    steps = [np.array(list(method(name).weights(LOSSES, x @ x.T).values())) @ x for x in (g, loud)]
    cosine = steps[0] @ steps[1] / np.linalg.norm(steps[0]) / np.linalg.norm(steps[1])
    assert cosine == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", ON_GRADIENTS)
def test_a_task_without_gradient_takes_no_part(name):
    g = gradients(9)
    g[2] = 0
    found = method(name).weights(LOSSES, g @ g.T)
    three = method(name).weights({t: LOSSES[t] for t in TASKS if t != "signs"}, g[[0, 1, 3]] @ g[[0, 1, 3]].T)
    assert found == {"signs": 0.0} | {t: pytest.approx(w) for t, w in three.items()}


@pytest.mark.parametrize("name", ON_GRADIENTS)
def test_opposed_and_equal_gradients_are_no_trouble(name):
    for cosines in (np.ones((3, 3)), np.array([[1.0, -1], [-1, 1]])):
        found = method(name).weights(dict(zip(TASKS, range(len(cosines)), strict=False)), cosines)
        assert np.isfinite(list(found.values())).all()


# Two unit gradients at an angle with cosine c: worked out by hand from each paper's definition.
def two(name, c):
    return method(name).mix(np.array([[1.0, c], [c, 1.0]]))


@pytest.mark.parametrize("c", [-0.6, -0.1, 0.0, 0.5])
def test_two_gradients(c):
    half, length = np.full(2, 0.5), np.sqrt((1 + c) / 2)  # of the mean
    np.testing.assert_allclose(two("mgda", c), half)
    np.testing.assert_allclose(two("imtl_g", c), half)
    np.testing.assert_allclose(two("pcgrad", c), half * (1 - min(c, 0)))
    np.testing.assert_allclose(two("upgrad", c), half * (1 - min(c, 0)))
    np.testing.assert_allclose(two("config", c), half)  # unit direction times the mean projection, `length`
    np.testing.assert_allclose(two("nash_mtl", c), half / length, rtol=1e-3)
    np.testing.assert_allclose(two("cagrad", c), half, rtol=1e-6)
    low = np.sqrt(1 - abs(c))  # the lesser singular value becomes that of both directions
    np.testing.assert_allclose(two("aligned_mtl", c), half * low / np.sqrt(1 + c), rtol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_mgda_is_the_shortest_of_a_fine_grid(seed):
    g = gradients(seed, 3, conflict=1.0)
    g /= np.linalg.norm(g, axis=1)[:, None]
    best = method("mgda").mix(g @ g.T)
    grid = [(a, b, 1 - a - b) for a in np.linspace(0, 1, 101) for b in np.linspace(0, 1 - a, 101)]
    assert np.linalg.norm(best @ g) <= min(np.linalg.norm(np.array(w) @ g) for w in grid) + 1e-9
    assert best.sum() == pytest.approx(1)
    assert (best >= 0).all()


@pytest.mark.parametrize("tasks", [2, 3, 4])
def test_mgda_finds_the_null_vector_of_gradients_that_cancel(tasks):
    """As many unit vectors around a circle: their mean is 0, and each face of them has a longer one."""
    angles = 2 * np.pi * np.arange(tasks) / tasks
    g = np.stack([np.cos(angles), np.sin(angles)], 1)
    best = shortest(g @ g.T)
    np.testing.assert_allclose(best @ g, 0, atol=1e-9)
    assert best.sum() == pytest.approx(1)
    assert (best >= 0).all()


@pytest.mark.parametrize("seed", range(8))
def test_cagrad_is_the_best_for_the_worst_of_many_directions(seed):
    """max over d near the mean of min_i g_i . d, against random d on the ball."""
    g = gradients(seed, 3, 5, conflict=0.8)
    g /= np.linalg.norm(g, axis=1)[:, None]
    mean = g.mean(0)
    found = (1 + C) * method("cagrad").mix(g @ g.T) @ g
    radius = C * np.linalg.norm(mean)
    assert np.linalg.norm(found - mean) <= radius * 1.001
    aside = np.random.default_rng(seed).normal(size=(20000, 5))
    others = mean + radius * aside / np.linalg.norm(aside, axis=1)[:, None]
    assert (g @ found).min() >= (others @ g.T).min(1).max() - 2e-3


@pytest.mark.parametrize("seed", range(8))
def test_upgrad_projects_onto_the_cone_where_no_task_loses(seed):
    """Against projected gradient descent on the dual."""
    from perception.training.balance.upgrad import projected

    g = gradients(seed, 4, 6, conflict=1.0)
    g /= np.linalg.norm(g, axis=1)[:, None]
    gramian, v = g @ g.T, np.zeros(4)
    for _ in range(20000):
        v = np.maximum(v - 0.1 * (gramian @ (v + np.eye(4)[0])), 0)
    np.testing.assert_allclose(projected(gramian, 0) @ g, (v + np.eye(4)[0]) @ g, atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_nash_meets_its_equation(seed):
    from perception.training.balance.nash_mtl import bargain

    g = gradients(seed, conflict=0.5)
    a = bargain(g @ g.T)
    np.testing.assert_allclose(g @ g.T @ a, 1 / a, rtol=1e-6)


def test_fixed_weights_are_those_of_the_settings_and_else_one():
    assert method("static", lanes=2.0).weights(LOSSES, np.zeros((4, 4))) == dict.fromkeys(TASKS, 1.0) | {
        "lanes": 2.0
    }


def run(name, losses, steps, observed=None):
    one = method(name)
    for _ in range(steps):
        found = one.weights(losses, np.eye(len(losses)))
        one.observe(observed or losses)
    return found


def test_uncertainty_ends_at_one_over_the_loss():
    found = run("uncertainty", {"detection": 2.0, "lanes": 0.25}, 3000)
    assert found == {"detection": pytest.approx(0.5, rel=1e-3), "lanes": pytest.approx(4.0, rel=1e-3)}


def test_dwa_favours_what_falls_more_slowly():
    from perception.training.balance.dwa import TEMPERATURE, WINDOW

    one = method("dwa")
    for k in range(2 * WINDOW):
        one.weights({"detection": 1.0, "lanes": 1.0 if k < WINDOW else 0.5}, np.zeros((2, 2)))
    found = one.weights({"detection": 1.0, "lanes": 0.5}, np.zeros((2, 2)))
    share = np.exp(np.array([1.0, 0.5]) / TEMPERATURE)
    np.testing.assert_allclose(list(found.values()), 2 * share / share.sum())


def test_rlw_is_a_softmax_of_unit_normals():
    one = method("rlw")
    drawn = np.array([list(one.weights(LOSSES, np.zeros((4, 4))).values()) for _ in range(4000)])
    logs = np.log(drawn) - np.log(drawn).mean(1, keepdims=True)
    np.testing.assert_allclose(drawn.sum(1), 4)
    assert logs.var() == pytest.approx(0.75, abs=0.05)  # of a unit normal less the mean of four


def test_famo_moves_towards_the_task_that_falls_least():
    found = run("famo", {"detection": 1.0, "lanes": 1.0}, 50, {"detection": 0.9, "lanes": 1.0})
    assert found["lanes"] > 1.2 > 0.8 > found["detection"]


def test_famo_begins_with_equal_shares_of_the_log_losses():
    found = run("famo", {"detection": 2.0, "lanes": 0.5}, 1)
    assert found == {"detection": pytest.approx(0.4), "lanes": pytest.approx(1.6)}  # 2 (1/L) / sum(1/L)


def test_gradnorm_evens_out_the_lengths():
    one, g = method("gradnorm"), np.diag([4.0, 1.0])
    for _ in range(1500):
        found = one.weights({"detection": 1.0, "lanes": 1.0}, g @ g.T)
    assert found == {"detection": pytest.approx(0.4, abs=0.02), "lanes": pytest.approx(1.6, abs=0.02)}


def test_gradnorm_keeps_the_place_of_a_task_beside_those_that_are_absent():
    one = method("gradnorm")
    before = {"detection": 2.4, "lanes": 0.3, "drivable": 0.3}
    one.restore({"first": dict.fromkeys(before, 1.0), "weight": before})
    assert one.weights({"lanes": 1.0, "drivable": 1.0}, np.eye(2)) == pytest.approx(
        {"lanes": 1.0, "drivable": 1.0}
    )
    assert one.weights({"detection": 1.0}, np.eye(1)) == {"detection": 1.0}
    assert one.state()["weight"] == pytest.approx(before)


def test_stch_weighs_most_what_is_furthest_from_its_best():
    one = method("stch")
    for k in range(900):
        worse = 2.0 if k > 600 else 1.0
        found = one.weights({"detection": worse, "lanes": 1.0}, np.zeros((2, 2)))
    assert found["detection"] * worse > 2 * found["lanes"]


def test_gls_is_the_slope_of_the_geometric_mean():
    found = method("gls").weights(LOSSES, np.zeros((4, 4)))
    for task, loss in LOSSES.items():
        higher, lower = (np.prod(list({**LOSSES, task: loss + d}.values())) ** 0.25 for d in (1e-5, -1e-5))
        assert found[task] == pytest.approx(4 * (higher - lower) / 2e-5, rel=1e-6)
