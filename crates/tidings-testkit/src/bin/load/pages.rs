//! A walk through the pages of a console: how long the server says it took for each (`Server-Timing`), and how long it took to get it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::wire::Wire;
use crate::{Result, percentiles};

#[derive(Deserialize)]
pub(crate) struct Plan {
    to: SocketAddr,
    /// The file with the [`Places`].
    places: PathBuf,
    /// How often each page is asked for; those that are the same for everybody less often.
    times: usize,
    times_open: usize,
}

#[derive(Deserialize)]
struct Places {
    places: Vec<Place>,
}

/// An address of a page.
#[derive(Deserialize)]
struct Place {
    row: String,
    who: String,
    cookie: String,
    path: String,
    /// Everybody may see it, and sees the same.
    open: bool,
    /// It goes on for as long as one listens: only its beginning is wanted.
    streams: bool,
}

/// What was measured of a place, in microseconds.
#[derive(Default)]
struct Measured {
    server: Vec<u64>,
    whole: Vec<u64>,
    bytes: usize,
    status: u16,
}

pub(crate) async fn run(plan: Plan) -> Result<()> {
    let Places { places } = serde_json::from_slice(&std::fs::read(&plan.places)?)?;
    let mut all: Vec<Measured> = places.iter().map(|_| Measured::default()).collect();
    // Round after round, so that each page comes after all others, as it does for people.
    for round in 0..plan.times {
        let mut wire = Wire::connect(plan.to).await?;
        for (place, measured) in places.iter().zip(&mut all) {
            if place.open && round >= plan.times_open {
                continue;
            }
            let asked = look(&mut wire, place, measured).await;
            asked.map_err(|error| format!("GET {} as {}: {error}", place.path, place.who))?;
            if place.streams {
                wire = Wire::connect(plan.to).await?;
            }
        }
    }
    let told: Vec<Value> = places.iter().zip(all).map(tell).collect();
    println!("{}", json!({ "places": told }));
    Ok(())
}

async fn look(wire: &mut Wire, place: &Place, measured: &mut Measured) -> Result<()> {
    let request = format!(
        "GET {} HTTP/1.1\r\nhost: tidings\r\naccept: text/html\r\ncookie: {}\r\n\r\n",
        place.path, place.cookie
    );
    let started = Instant::now();
    if place.streams {
        wire.begin(request.as_bytes()).await?;
    } else {
        let answer = wire.ask(request.as_bytes()).await?;
        measured.bytes = answer.body.len();
    }
    let took = started.elapsed();
    let head = wire.head().ok_or("no head")?;
    let status: u16 = head.get(9..12).ok_or("no status")?.parse()?;
    measured.status = status;
    measured.whole.push(u64::try_from(took.as_micros())?);
    match status {
        200 => measured
            .server
            .push(server_us(head).ok_or("no Server-Timing")?),
        // A redirect is no page.
        303 if place.row == "home" => {}
        _ => return Err(format!("{status}").into()),
    }
    Ok(())
}

/// The time that the head of an answer tells.
fn server_us(head: &str) -> Option<u64> {
    let line = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("server-timing").then_some(value)
    })?;
    let (whole, part) = line.split_once("dur=")?.1.split_once('.')?;
    Some(whole.parse::<u64>().ok()? * 1000 + part.parse::<u64>().ok()?)
}

fn tell((place, measured): (&Place, Measured)) -> Value {
    json!({
        "row": place.row,
        "who": place.who,
        "path": place.path,
        "status": measured.status,
        "bytes": measured.bytes,
        // After a start, before anything was kept.
        "first_us": measured.server.first(),
        "server": percentiles(measured.server),
        "whole": percentiles(measured.whole),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_read_to_the_microsecond() {
        let head = "HTTP/1.1 200 OK\r\nServer-Timing: total;dur=12.034\r\nx: y";
        assert_eq!(server_us(head), Some(12_034));
        assert_eq!(server_us("HTTP/1.1 200 OK"), None);
    }
}
