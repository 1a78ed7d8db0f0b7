//! Requests to the console without a browser: what a program sends that pretends to be one.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::world::Server;

/// An answer.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) text: String,
    /// The first cookie that is set, as it is sent back.
    pub(crate) cookie: String,
}

/// Sends it, with `Host` as a browser would write it.
pub(crate) async fn send(
    server: &Server,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Got {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut request = hyper::Request::builder()
        .method(method)
        .uri(path)
        .header("host", server.address.to_string())
        .header("accept", "text/html");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let status = answer.status().as_u16();
    let location = answer
        .headers()
        .get("location")
        .map(|v| v.to_str().unwrap().to_owned());
    let cookie = answer.headers().get("set-cookie");
    let cookie = cookie.map_or("", |v| v.to_str().unwrap());
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    Got {
        status,
        location: location.unwrap_or_default(),
        text: String::from_utf8_lossy(&bytes).into_owned(),
        cookie,
    }
}

/// What a browser says of a form.
pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
