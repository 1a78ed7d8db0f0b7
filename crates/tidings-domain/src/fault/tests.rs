//! What a refusal says of itself.

use super::*;

#[test]
fn the_detail_names_the_member_and_the_entry_of_a_batch() {
    let fault = Fault::field("/data/status", "unknown_word", "is no status");
    assert_eq!(fault.detail, "/data/status: is no status");
    let fault = fault.within("/57");
    assert_eq!(fault.errors[0].field, "/57/data/status");
    assert_eq!(fault.detail, "/57/data/status: is no status");
}

#[test]
fn a_fault_of_the_whole_body_does_not_begin_with_a_colon() {
    let fault = Fault::field("", "wrong_type", "must be an object");
    assert_eq!(fault.detail, "must be an object");
    let fault = Fault::conflict("", "taken", "votes/1 says the same already");
    assert_eq!(fault.detail, "votes/1 says the same already");
    let fault = fault.within("/3");
    assert_eq!(fault.detail, "/3: votes/1 says the same already");
}

#[test]
fn a_refusal_without_members_points_at_the_entry() {
    let fault = Fault::not_found("there is no tasks/9 in this project").within("/2");
    assert_eq!(fault.errors[0].field, "/2");
    assert_eq!(fault.detail, "/2: there is no tasks/9 in this project");
}

#[test]
fn a_detail_of_its_own_stays() {
    let mut fault = Fault::field("/a", "range", "too much");
    "the batch is refused".clone_into(&mut fault.detail);
    assert_eq!(fault.within("/2").detail, "the batch is refused");
}
