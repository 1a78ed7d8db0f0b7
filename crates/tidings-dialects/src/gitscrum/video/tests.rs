//! Which id and picture a link has.

use super::recognise;

#[test]
fn links_to_videos_are_recognised() {
    const ID: &str = "a1b-2_3d4e5";
    for link in [
        "https://www.youtube.com/watch?v=a1b-2_3d4e5",
        "https://youtube.com/watch?list=PL1&v=a1b-2_3d4e5&t=30",
        "http://m.youtube.com/watch?v=a1b-2_3d4e5#t=3",
        "https://youtu.be/a1b-2_3d4e5?si=x",
        "https://www.youtube.com/embed/a1b-2_3d4e5",
        "https://www.youtube-nocookie.com/embed/a1b-2_3d4e5?rel=0",
        "https://www.youtube.com/shorts/a1b-2_3d4e5",
        "https://www.youtube.com/live/a1b-2_3d4e5/",
    ] {
        let picture = format!("//img.youtube.com/vi/{ID}/maxresdefault.jpg");
        assert_eq!(recognise(link), (ID.to_owned(), picture), "{link}");
    }
    for (link, id) in [
        ("https://vimeo.com/76979871", "76979871"),
        ("https://vimeo.com/76979871/3f2a1b0c9d", "76979871"),
        ("https://vimeo.com/channels/staffpicks/76979871", "76979871"),
        ("https://player.vimeo.com/video/76979871?h=1", "76979871"),
        ("https://videos.example.org/w/demo.mp4", "demo.mp4"),
        ("https://notyoutube.com/watch?v=a1b-2_3d4e5", "watch"),
        ("https://www.youtube.com/@harbor", "@harbor"),
        ("https://www.youtube.com/watch?v=../x", "watch"),
        ("https://example.org/", ""),
    ] {
        assert_eq!(recognise(link), (id.to_owned(), String::new()), "{link}");
    }
}
