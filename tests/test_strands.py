"""Tasks, groups, deadlines and what they coordinate with: one contract, on gevent, eventlet and threads."""

from __future__ import annotations

import threading
import time
import warnings
from contextvars import ContextVar

import pytest

from brubeck_wsgi.concurrency import (
    Cancelled,
    Empty,
    Event,
    Full,
    Local,
    Lock,
    Queue,
    Semaphore,
    TaskGroup,
    current,
    gather,
    map_tasks,
    race,
    shield,
    sleep,
    spawn,
    timeout,
)
from brubeck_wsgi.concurrency.turns import Turns

PATIENCE_SECONDS = 10
FOREVER = 60

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it tells everybody who imports it to use something else
    import eventlet  # noqa: F401

tenant: ContextVar[str] = ContextVar("tenant", default="nobody")


def has_gevent():
    import gevent

    gevent.get_hub()


def has_eventlet():
    from eventlet import hubs

    hubs.get_hub()


KINDS = {"threads": lambda: None, "gevent": has_gevent, "eventlet": has_eventlet}


@pytest.fixture(params=KINDS)
def run(request):
    """Runs a function in a thread that has such a hub, or none, and returns what it returns."""

    def run_there(function):
        outcome = []

        def call():
            KINDS[request.param]()
            assert current().name == request.param
            try:
                outcome.append((function(), None))
            except BaseException as error:
                outcome.append((None, error))

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        thread.join(PATIENCE_SECONDS)
        assert outcome, "still waiting"
        result, error = outcome[0]
        if error is not None:
            raise error
        return result

    run_there.kind = request.param
    return run_there


def test_task_returns_what_its_function_does(run):
    assert run(lambda: spawn(lambda a, b: a + b, 1, b=2).result()) == 3


def test_error_of_a_task_is_raised_where_its_result_is_wanted(run):
    with pytest.raises(ZeroDivisionError):
        run(lambda: spawn(lambda: 1 / 0).result())


def test_tasks_wait_beside_each_other(run):
    def scenario():
        started = time.monotonic()
        gather(*[lambda: sleep(0.2)] * 20)
        return time.monotonic() - started

    assert run(scenario) < 1


def test_result_that_does_not_come_in_time_is_a_timeout(run):
    def scenario():
        task = spawn(sleep, FOREVER)
        try:
            with pytest.raises(TimeoutError):
                task.result(timeout=0.01)
        finally:
            task.cancel()
        return task.join(PATIENCE_SECONDS)

    assert run(scenario)


def test_cancelled_task_runs_its_finally_and_ends(run):
    def scenario():
        seen = []
        is_waiting = Event()

        def wait():
            try:
                is_waiting.set()
                sleep(FOREVER)
            except Exception:
                seen.append("swallowed")
            finally:
                seen.append("finally")

        task = spawn(wait)
        is_waiting.wait()
        task.cancel()
        task.join()
        return seen, type(task.error)

    assert run(scenario) == (["finally"], Cancelled)


def test_task_that_is_cancelled_before_it_begins_never_does(run):
    if run.kind == "threads":
        pytest.skip("a thread may have begun at once")
    seen = []

    def scenario():
        task = spawn(seen.append, 1)
        task.cancel()
        task.join()
        return task.error

    assert isinstance(run(scenario), Cancelled)
    assert seen == []


def test_task_begins_with_the_context_of_its_maker_and_changes_its_own(run):
    def scenario():
        tenant.set("maker")
        local = Local()
        local.name = "maker's"

        def child():
            before = tenant.get(), local.name
            tenant.set("child")
            local.name = "child's"
            return before

        return spawn(child).result(), tenant.get(), local.name

    assert run(scenario) == (("maker", "maker's"), "maker", "maker's")


def test_local_without_a_value_has_no_such_attribute(run):
    with pytest.raises(AttributeError, match="name"):
        run(lambda: Local().name)


def test_group_waits_for_its_tasks(run):
    def scenario():
        done = []
        with TaskGroup() as group:
            for number in range(3):
                group.spawn(lambda n=number: (sleep(0.01), done.append(n)))
        return sorted(done)

    assert run(scenario) == [0, 1, 2]


def test_first_error_cancels_the_others_and_the_block(run):
    def scenario():
        seen = []

        def wait():
            try:
                sleep(FOREVER)
            finally:
                seen.append("sibling ended")

        try:
            with TaskGroup() as group:
                group.spawn(wait)
                group.spawn(lambda: 1 / 0)
                try:
                    sleep(FOREVER)
                finally:
                    seen.append("block ended")
        except ZeroDivisionError:
            seen.append("raised")
        return sorted(seen)

    # A sibling that had not begun is over without having seen anything.
    assert {"block ended", "raised"} <= set(run(scenario))


def test_several_errors_are_raised_as_a_group(run):
    def scenario():
        is_ready = Event()

        def fail(error):
            try:
                is_ready.wait()
                sleep(FOREVER)
            finally:
                raise error

        with TaskGroup() as group:
            tasks = [group.spawn(fail, error) for error in (KeyError("a"), ValueError("b"))]
            is_ready.set()
            sleep(0.05)
            tasks[0].cancel()

    with pytest.raises(ExceptionGroup) as caught:
        run(scenario)
    assert sorted(type(error).__name__ for error in caught.value.exceptions) == ["KeyError", "ValueError"]


def test_error_of_the_block_cancels_the_tasks_and_is_raised(run):
    def scenario():
        tasks = []
        try:
            with TaskGroup() as group:
                tasks.append(group.spawn(sleep, FOREVER))
                raise KeyError("block")
        except KeyError:
            return tasks[0].is_done

    assert run(scenario) is True


def test_group_that_is_cancelled_from_outside_cancels_its_tasks(run):
    def scenario():
        tasks = []
        is_waiting = Event()

        def parent():
            with TaskGroup() as group:
                tasks.append(group.spawn(sleep, FOREVER))
                is_waiting.set()

        outer = spawn(parent)
        is_waiting.wait()
        outer.cancel()
        outer.join()
        return tasks[0].is_done, type(outer.error)

    assert run(scenario) == (True, Cancelled)


def test_group_that_is_over_takes_no_more_tasks(run):
    def scenario():
        with TaskGroup() as group:
            pass
        group.spawn(sleep, 0)

    with pytest.raises(RuntimeError, match="not over"):
        run(scenario)


def test_limited_map_keeps_its_limit_and_the_order(run):
    running, most = [], []

    def square(number):
        running.append(number)
        most.append(len(running))
        sleep(0.01)
        running.remove(number)
        return number * number

    assert run(lambda: map_tasks(square, range(9), limit=3)) == [n * n for n in range(9)]
    assert max(most) == 3


def test_race_returns_the_first_and_ends_the_others(run):
    def scenario():
        ended = []

        def slow():
            try:
                sleep(FOREVER)
            finally:
                ended.append("slow")

        return race(slow, lambda: (sleep(0.05), "fast")[1]), ended

    assert run(scenario) == ("fast", ["slow"])


def test_timeout_ends_what_takes_too_long(run):
    def scenario():
        seen = []
        try:
            with timeout(0.05):
                try:
                    sleep(FOREVER)
                except Exception:
                    seen.append("swallowed")
                finally:
                    seen.append("finally")
        except TimeoutError:
            seen.append("over")
        return seen

    assert run(scenario) == ["finally", "over"]


def test_timeout_leaves_alone_what_is_quick_enough(run):
    @timeout(5)
    def quick():
        sleep(0)
        return "done"

    assert run(quick) == "done"


def test_inner_timeout_does_not_end_the_outer_block(run):
    def scenario():
        with timeout(FOREVER):
            try:
                with timeout(0.02):
                    sleep(FOREVER)
            except TimeoutError:
                return "inner"

    assert run(scenario) == "inner"


def test_outer_timeout_passes_through_the_inner_block(run):
    def scenario():
        with pytest.raises(TimeoutError, match=r"0\.02"), timeout(0.02), timeout(FOREVER):
            sleep(FOREVER)

    run(scenario)


def test_timeout_that_is_over_hits_nobody_later(run):
    def scenario():
        with pytest.raises(TimeoutError), timeout(0.01):
            sleep(FOREVER)
        with timeout(0.01):
            pass
        sleep(0.05)
        return "unharmed"

    assert run(scenario) == "unharmed"


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_timeout_of_no_sensible_length_is_refused(seconds):
    with pytest.raises(ValueError, match="0 or more"):
        timeout(seconds)


def test_shielded_block_finishes_and_the_timeout_comes_after_it(run):
    def scenario():
        seen = []
        try:
            with timeout(0.02):
                with shield():
                    sleep(0.1)
                    seen.append("committed")
                seen.append("not reached")
        except TimeoutError:
            seen.append("over")
        return seen

    assert run(scenario) == ["committed", "over"]


def test_event_lets_all_go_on_that_wait(run):
    def scenario():
        event = Event()
        with TaskGroup() as group:
            tasks = [group.spawn(event.wait, PATIENCE_SECONDS) for _ in range(5)]
            sleep(0.01)
            event.set()
        return [task.result() for task in tasks], event.wait(), event.wait(timeout=0)

    assert run(scenario) == ([True] * 5, True, True)


def test_event_that_does_not_happen_is_waited_for_no_longer_than_allowed(run):
    assert run(lambda: Event().wait(timeout=0.01)) is False


@pytest.mark.parametrize("make", [Lock, Turns])
def test_lock_lets_one_in_at_a_time(run, make):
    def scenario():
        lock, inside, most = make(), [], []

        def work():
            with lock:
                inside.append(1)
                most.append(len(inside))
                sleep(0.002)
                inside.pop()

        gather(*[work] * 8)
        work()  # it is free again
        return most

    assert run(scenario) == [1] * 9


def test_who_gives_up_waiting_for_a_turn_takes_it_from_nobody(run):
    def scenario():
        turns, done = Turns(), []

        def work():
            with turns:
                done.append(1)

        with turns:
            tasks = [spawn(work) for _ in range(4)]
            sleep(0.02)
            tasks[0].cancel()
            tasks[2].cancel()
            sleep(0.02)
        for task in tasks:
            task.join(PATIENCE_SECONDS)
        work()
        return len(done)

    assert run(scenario) == 3


def test_lock_tells_whether_it_is_held(run):
    def scenario():
        lock = Lock()
        with lock:
            held = lock.locked()
        return held, lock.locked()

    assert run(scenario) == (True, False)


def test_lock_that_nobody_holds_cannot_be_released():
    with pytest.raises(RuntimeError, match="held"):
        Lock().release()


def test_semaphore_that_is_not_free_in_time_is_not_acquired(run):
    assert run(lambda: Semaphore(0).acquire(timeout=0.01)) is False


def test_turn_of_a_waiter_that_is_cancelled_goes_to_the_next(run):
    def scenario():
        semaphore = Semaphore(0)
        first = spawn(semaphore.acquire)
        sleep(0.02)
        second = spawn(semaphore.acquire)
        sleep(0.02)
        semaphore.release()
        first.cancel()
        first.join()
        if first.error is None:  # it had its turn before it was cancelled
            semaphore.release()
        return second.result(PATIENCE_SECONDS)

    assert run(scenario) is True


def test_queue_gives_in_order_and_makes_who_puts_wait_for_room(run):
    def scenario():
        queue, seen = Queue(most=2), []

        def put():
            for number in range(10):
                queue.put(number)

        with TaskGroup() as group:
            group.spawn(put)
            for _ in range(10):
                seen.append(queue.get(PATIENCE_SECONDS))
        return seen, len(queue)

    assert run(scenario) == (list(range(10)), 0)


def test_queue_says_that_it_is_empty_or_full(run):
    def scenario():
        queue = Queue(most=1)
        with pytest.raises(Empty):
            queue.get(timeout=0.01)
        queue.put(1)
        with pytest.raises(Full):
            queue.put(2, timeout=0.01)

    run(scenario)


def test_thousand_tasks_leave_nothing_behind(run):
    count = 100 if run.kind == "threads" else 1000

    def scenario():
        before = set(current()._strands)  # threads of other tests may be about to end
        with TaskGroup() as group:
            tasks = [group.spawn(sleep, FOREVER) for _ in range(count)]
            sleep(0.01)
            group.cancel()
        return all(task.is_done for task in tasks), set(current()._strands) - before

    assert run(scenario) == (True, set())
