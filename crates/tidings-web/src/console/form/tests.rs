//! Forms as browsers send them.

use super::Form;
use tidings_domain::Value;

#[test]
fn fields_are_read_in_order_and_decoded() {
    let form = Form::parse(b"name=A+%26+B&events=4&events=5&on=&note=a%0D%0Ab").unwrap();
    assert_eq!(form.get("name"), "A & B");
    assert_eq!(form.all("events").collect::<Vec<_>>(), ["4", "5"]);
    assert!(form.has("on") && !form.has("off"));
    assert_eq!(form.get("note"), "a\nb");
    assert_eq!(form.fields().count(), 5);
}

#[test]
fn what_is_no_form_is_refused() {
    for wrong in [&b"a=%zz"[..], b"a=%f", b"a=%ff", b"\xff=1", b"a=%00"] {
        assert_eq!(Form::parse(wrong), None, "{wrong:?}");
    }
}

#[test]
fn values_for_use_cases() {
    let form = Form::parse(b"n=12&t=+x+&e=++&w=1.5").unwrap();
    assert_eq!(form.int_or_null("n"), Value::Int(12));
    assert_eq!(form.text_or_null("t"), Value::from("x"));
    assert_eq!(form.text_or_null("e"), Value::Null);
    assert_eq!(form.int_or_null("e"), Value::Null);
    assert_eq!(form.int_or_null("w"), Value::from("1.5"));
}
