//! Browsers as they call themselves.

use super::words;

#[test]
fn browsers_have_names() {
    let all = [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0",
            "Firefox 141 on Windows",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
            "Chrome 139 on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0",
            "Edge 139 on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
            "Safari 18 on iPhone",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("Mozilla/5.0 <b>", "Mozilla/5.0 <b>"),
        ("", ""),
    ];
    for (agent, said) in all {
        assert_eq!(words(agent), said);
    }
}
