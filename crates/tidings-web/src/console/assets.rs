//! Styles, scripts and pictures: in the binary, under names that hold their hash, so that a browser keeps them for good.

use std::fmt::Write as _;
use std::sync::LazyLock;

use http::header;
use sha2::{Digest, Sha256};
use tidings_app::{Access, refusal};
use tidings_domain::Fault;

use super::embedded::ASSETS;
use crate::route::{Call, Reply, Row};
use crate::routes::run;

/// Where they are.
const PATH: &str = "/assets/{file}";
const SVG: &str = "image/svg+xml";

/// A file of the console.
struct Asset {
    name: &'static str,
    /// Its name for browsers: `console.0a1b2c3d4e5f.css`.
    path: String,
    bytes: &'static [u8],
}

fn assets() -> &'static [Asset] {
    static ALL: LazyLock<Vec<Asset>> = LazyLock::new(|| {
        let asset = |(name, bytes): &(&'static str, &'static [u8])| {
            let mut hash = String::new();
            for byte in Sha256::digest(bytes).iter().take(6) {
                let _ = write!(hash, "{byte:02x}");
            }
            let (stem, kind) = name.rsplit_once('.').unwrap_or((name, ""));
            Asset {
                name,
                path: format!("{stem}.{hash}.{kind}"),
                bytes,
            }
        };
        ASSETS.iter().map(asset).collect()
    });
    &ALL
}

/// The path of a file, for a template.
pub(super) fn path(name: &str) -> Option<String> {
    let asset = assets().iter().find(|asset| asset.name == name)?;
    Some(format!("/assets/{}", asset.path))
}

pub(super) fn rows() -> Vec<Row> {
    let icon = Row::page("/favicon.ico", "favicon", Access::Anyone, run!(icon));
    vec![
        Row::page(PATH, "asset", Access::Anyone, run!(asset)),
        icon.gives_text(SVG),
    ]
}

/// Where browsers look for it on pages that do not say where theirs is.
async fn icon(_call: Call) -> Result<Reply, Fault> {
    let found = assets().iter().find(|asset| asset.name == "favicon.svg");
    let bytes = found.ok_or_else(refusal::absent)?.bytes;
    let reply = Reply::fixed(SVG, bytes);
    Ok(reply.with(header::CACHE_CONTROL, "public, max-age=86400"))
}

async fn asset(call: Call) -> Result<Reply, Fault> {
    let wanted = call.param("file");
    let found = assets().iter().find(|asset| asset.path == wanted);
    let found = found.ok_or_else(refusal::absent)?;
    let media_type = match found.name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => SVG,
        _ => "application/octet-stream",
    };
    Ok(Reply::fixed(media_type, found.bytes)
        .with(header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
}
