//! What a person does with mouse and keyboard.

use serde_json::{Value, json};

use super::Browser;

/// Keys that have no letter, as WebDriver writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// To the next element.
    Tab,
    /// To the one before.
    BackTab,
    /// Press what has the focus.
    Enter,
    /// Tick what has the focus.
    Space,
    /// Close what is open.
    Escape,
}

impl Key {
    const SHIFT: &'static str = "\u{e008}";

    const fn code(self) -> &'static str {
        match self {
            Self::Tab | Self::BackTab => "\u{e004}",
            Self::Enter => "\u{e007}",
            Self::Space => " ",
            Self::Escape => "\u{e00c}",
        }
    }
}

/// WebDriver's word for a click that something else would get.
const INTERCEPTED: &str = "element click intercepted";

impl Browser {
    /// Clicks the first one.
    pub async fn click(&self, place: &str) {
        let into_the_middle = "arguments[0].scrollIntoView({block: 'center'})";
        self.with(place, "click", async |id| {
            let path = format!("/element/{id}/click");
            let clicked = self.wire.ask("POST", &path, &json!({})).await;
            if clicked.as_ref().is_err_and(|r| r.error == INTERCEPTED) {
                // Under the head of the page, which stays: a person scrolls.
                let element = json!({super::eyes::ELEMENT: id});
                let body = json!({"script": into_the_middle, "args": [element]});
                self.wire.ask("POST", "/execute/sync", &body).await?;
            }
            clicked
        })
        .await;
    }

    /// Replaces what is in an input.
    pub async fn fill(&self, place: &str, text: &str) {
        self.with(place, "clear", async |element| {
            let path = format!("/element/{element}/clear");
            self.wire.ask("POST", &path, &json!({})).await
        })
        .await;
        self.write(place, text).await;
    }

    /// Types into an input, behind what is there.
    pub async fn write(&self, place: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        self.with(place, "type into", async |element| {
            let path = format!("/element/{element}/value");
            self.wire.ask("POST", &path, &json!({"text": text})).await
        })
        .await;
    }

    /// Chooses an option of a select by its value.
    ///
    /// # Panics
    /// When there is no such option.
    pub async fn choose(&self, place: &str, value: &str) {
        let choice = "const s = arguments[0]; const o = [...s.options].find(o => o.value === arguments[1]);\
            if (!o) return false; s.value = o.value; s.dispatchEvent(new Event('input', {bubbles: true}));\
            s.dispatchEvent(new Event('change', {bubbles: true})); return true";
        let chosen = self
            .with(place, "choose in", async |element| {
                let element = json!({super::eyes::ELEMENT: element});
                let body = json!({"script": choice, "args": [element, value]});
                self.wire.ask("POST", "/execute/sync", &body).await
            })
            .await;
        assert_eq!(chosen, json!(true), "{place} offers no {value:?}");
    }

    /// Ticks a box, or unticks it.
    pub async fn tick(&self, place: &str, on: bool) {
        if self.property(place, "checked").await != json!(on) {
            self.click(place).await;
        }
    }

    /// Presses and releases a key, wherever the focus is.
    pub async fn press(&self, key: Key) {
        let (down, up) = ("keyDown", "keyUp");
        let mut turns = vec![(down, key.code()), (up, key.code())];
        if key == Key::BackTab {
            turns.insert(0, (down, Key::SHIFT));
            turns.push((up, Key::SHIFT));
        }
        let turns: Vec<Value> = turns
            .into_iter()
            .map(|(kind, key)| json!({"type": kind, "value": key}))
            .collect();
        let body = json!({"actions": [{"type": "key", "id": "keyboard", "actions": turns}]});
        self.must("press a key", "POST", "/actions", &body).await;
    }
}
