//! Whose turn it is: what may overtake what, and what is late.

use tidings_domain::Collection;

use super::*;

fn task(id: i64) -> ObjectRef {
    ObjectRef::new(Collection::Tasks, id)
}

fn id(n: i64) -> DeliveryId {
    DeliveryId(n)
}

/// An order with deliveries 1.. in the queues of these tasks.
fn order(queues: &[&[i64]]) -> (Order, Vec<Roots>) {
    let mut order = Order::default();
    let mut all = Vec::new();
    for (n, tasks) in (1..).zip(queues) {
        let roots = Roots::new(&tasks.iter().copied().map(task).collect::<Vec<_>>());
        let overtaken = order.insert(id(n), &roots, Place::Queue);
        assert_eq!(overtaken.into_iter().count(), 0);
        all.push(roots);
    }
    (order, all)
}

fn turns(order: &Order, roots: &[Roots]) -> Vec<i64> {
    (1..)
        .zip(roots)
        .filter(|(n, r)| order.is_turn(id(*n), r, Place::Queue))
        .map(|(n, _)| n)
        .collect()
}

#[test]
fn items_do_not_wait_for_each_other() {
    let (mut order, roots) = order(&[&[1], &[1], &[2], &[], &[]]);
    assert_eq!(turns(&order, &roots), [1, 3, 4, 5]);
    order.remove(id(1), &roots[0], false);
    assert_eq!(turns(&order, &roots), [2, 3, 4, 5]);
}

#[test]
fn a_message_about_several_items_stands_in_the_queue_of_each() {
    let (mut order, roots) = order(&[&[1], &[1, 2, 2], &[2], &[3]]);
    assert_eq!(turns(&order, &roots), [1, 4]);
    order.remove(id(1), &roots[0], false);
    assert!(order.is_turn(id(2), &roots[1], Place::Queue));
    assert!(!order.is_turn(id(3), &roots[2], Place::Queue));
    order.remove(id(2), &roots[1], false);
    assert!(order.is_turn(id(3), &roots[2], Place::Queue));
}

#[test]
fn one_in_flight_per_root_also_beside_the_queue() {
    let (mut order, roots) = order(&[&[1], &[1]]);
    order.step_aside(id(1), &roots[0]);
    assert!(order.is_turn(id(2), &roots[1], Place::Queue));
    assert!(order.is_turn(id(1), &roots[0], Place::Beside));
    order.set_busy(&roots[1], true);
    assert!(!order.is_turn(id(1), &roots[0], Place::Beside));
    let concerned = order.set_busy(&roots[1], false);
    assert_eq!(concerned.into_iter().collect::<Vec<_>>(), [id(2), id(1)]);
}

#[test]
fn an_old_delivery_takes_its_old_place() {
    let (mut order, roots) = order(&[&[1], &[1], &[1]]);
    order.remove(id(2), &roots[1], false);
    order.remove(id(1), &roots[0], false);
    let overtaken = order.insert(id(1), &roots[0], Place::Queue);
    assert_eq!(overtaken.into_iter().collect::<Vec<_>>(), [id(3)]);
    assert!(order.is_turn(id(1), &roots[0], Place::Queue));
    assert!(!order.is_turn(id(3), &roots[2], Place::Queue));
}

#[test]
fn a_judge_needs_everything_before_it_refused() {
    let (mut order, roots) = order(&[&[1], &[1], &[1]]);
    assert!(order.is_judge(id(2), &roots[1], |other| other == id(1)));
    assert!(!order.is_judge(id(3), &roots[2], |other| other == id(1)));
    order.set_busy(&roots[0], true);
    assert!(!order.is_judge(id(2), &roots[1], |_| true));
}

#[test]
fn nothing_is_remembered_of_what_left() {
    let (mut order, roots) = order(&[&[1], &[1, 2], &[2]]);
    order.set_busy(&roots[0], true);
    for (n, roots) in (1..).zip(&roots) {
        order.remove(id(n), roots, false);
    }
    assert!(!order.is_empty(), "a request is still in flight");
    order.set_busy(&roots[0], false);
    assert!(order.is_empty());
}
