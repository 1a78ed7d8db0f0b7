//! A form that was refused: it comes back as it was, and the page says that nothing was done, wherever the fault lies.

use crate::house::House;

const OWNER: &str = "product_owner";
const NEW: &str = "/projects/HB/items/tasks/new";

#[tokio::test]
async fn a_new_item_that_was_refused_once_is_still_of_the_usual_type() {
    let house = House::with_people().await;
    let sent = "title=&description=&status=Open&type=&priority=&sprint=&score=&due_date=&tags=&with_assignees=1";
    let got = house.submit(OWNER, NEW, sent).await;
    assert_eq!(got.status, 422);
    // A browser sends the first choice where none is marked.
    let choices = got.text.split("name=\"type\"").nth(1).unwrap();
    let first = choices.split("</option>").next().unwrap();
    assert!(first.ends_with("as usual"), "{first}");
    let chosen = sent.replace("type=&", "type=Bug&");
    let got = house.submit(OWNER, NEW, &chosen).await;
    assert!(got.text.contains("<option selected>Bug</option>"));
}

#[tokio::test]
async fn a_form_says_as_whom_also_after_it_was_refused() {
    let house = House::with_people().await;
    house
        .submit(OWNER, NEW, "title=Paint&status=Open&type=Task")
        .await;
    for path in [NEW, "/projects/HB/items/tasks/1"] {
        let page = house.open(OWNER, &path.replace("/new", "/1")).await;
        assert!(page.text.contains("as The product_owner"), "{}", page.text);
        let got = house.submit(OWNER, path, "title=&status=Open").await;
        assert_eq!(got.status, 422, "{path}");
        assert!(got.text.contains("as The product_owner"), "{}", got.text);
    }
    let comment = "/projects/HB/items/tasks/1/comment";
    house.submit(OWNER, comment, "body=Well").await;
    let edit = "/projects/HB/comments/1/edit";
    let page = house.open(OWNER, edit).await;
    assert!(page.text.contains("as The product_owner"), "{}", page.text);
    let got = house.submit(OWNER, edit, "body=").await;
    assert_eq!(got.status, 422);
    assert!(got.text.contains("as The product_owner"), "{}", got.text);
}

#[tokio::test]
async fn an_administrator_who_is_no_member_is_told_that_nothing_carries_their_name() {
    let house = House::with_people().await;
    let page = house.open("admin", NEW).await;
    assert!(page.text.contains("in nobody's name"), "{}", page.text);
    let link = page.text.split("href=\"/admin/accounts/").nth(1).unwrap();
    let link = link.split('"').next().unwrap();
    assert!(link.ends_with("?project=HB"), "{link}");
    let choice = house
        .open("admin", &format!("/admin/accounts/{link}"))
        .await;
    assert!(choice.text.contains("Member of HB"), "{}", choice.text);
    let owner = house.open(OWNER, NEW).await;
    assert!(!owner.text.contains("in nobody's name"));
}

#[tokio::test]
async fn a_refusal_is_said_on_top_whatever_field_it_lies_in() {
    let house = House::with_people().await;
    let item = "/projects/HB/items/tasks/1";
    house
        .submit(OWNER, NEW, "title=Paint&status=Open&type=Task")
        .await;
    house.submit(OWNER, &format!("{item}/timer"), "").await;
    for (path, form) in [
        (NEW, "title="),
        (item, "title="),
        (&*format!("{item}/timer"), ""),
        (&*format!("{item}/comment"), "body="),
        ("/projects/HB/members/new", "first_name="),
        ("/projects/HB/settings", "name="),
        ("/projects/HB/tokens", "name="),
        ("/account", "name="),
    ] {
        let got = house.submit(OWNER, path, form).await;
        assert!(got.status == 422 || got.status == 409, "{path}");
        let main = got.text.split("<main").nth(1).unwrap();
        let note = main.split("</div>").next().unwrap();
        assert!(
            note.contains("role=\"alert\"") && note.contains("Nothing was saved"),
            "{path}: {main}"
        );
    }
}

#[tokio::test]
async fn a_refusal_that_no_field_shows_is_not_swallowed() {
    let house = House::with_people().await;
    let id = house
        .webhook(OWNER, r#","name":"Build","events":"all","secret":"old""#)
        .await;
    let rotate = format!("/projects/HB/webhooks/{id}/rotate");
    let sent = "secret_mode=own&secret=new-one&overlap_seconds=86400&after_seconds=0";
    assert_eq!(house.submit(OWNER, &rotate, sent).await.status, 303);
    let got = house.submit(OWNER, &rotate, sent).await;
    assert_eq!(got.status, 409);
    assert!(
        got.text.contains("last change of the secret is not over"),
        "{}",
        got.text
    );
}

#[tokio::test]
async fn a_link_that_was_used_leads_on_whoever_is_signed_in() {
    let house = House::with_people().await;
    let got = house.open(OWNER, "/sign-in/none").await;
    assert_eq!((got.status, got.header("location")), (303, "/"));
    assert!(got.header("set-cookie").contains("you%20are%20signed%20in"));
    let got = house.open("nobody", "/sign-in/none").await;
    assert_eq!(got.status, 404);
    assert!(got.text.contains("Ask an administrator for a new one"));
}
