//! TLS: which certificates are accepted, and what is said about the others.
//!
//! One `rustls` configuration per setting, kept. The provider is always named, never taken from the process.

mod der;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, OtherError,
    RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{Failure, Tls};

/// The longest `ca_pem`.
pub const MAX_PEM: usize = 64 * 1024;
/// The most certificates in a `ca_pem`.
pub const MAX_CERTIFICATES: usize = 20;
/// Settings kept; more than these are made again when they are needed.
const MAX_SETTINGS: usize = 1_024;
/// TLS sessions kept per setting.
const SESSIONS: usize = 1_024;

/// Checks a PEM before it is saved; says how many authorities it names.
pub fn check_pem(pem: &str) -> Result<usize, String> {
    if pem.len() > MAX_PEM {
        return Err(format!(
            "the PEM has {} bytes, more than {MAX_PEM}; give the authority's certificate only",
            pem.len()
        ));
    }
    if pem.contains("PRIVATE KEY-----") {
        return Err("the PEM contains a private key; give certificates only, and treat that key as disclosed".to_owned());
    }
    let certificates = certificates(pem)?;
    let mut roots = RootCertStore::empty();
    for (number, certificate) in certificates.iter().enumerate() {
        roots.add(certificate.clone()).map_err(|error| {
            format!(
                "certificate {} of the PEM cannot be used as an authority: {error}",
                number + 1
            )
        })?;
    }
    Ok(certificates.len())
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| format!("the PEM cannot be read: {error}"))?;
    match found.len() {
        0 => Err(
            "the PEM holds no certificate; it must contain -----BEGIN CERTIFICATE-----".to_owned(),
        ),
        1..=MAX_CERTIFICATES => Ok(found),
        many => Err(format!(
            "the PEM holds {many} certificates, more than {MAX_CERTIFICATES}"
        )),
    }
}

/// The authorities of this server and the configurations made from them.
pub(crate) struct Tlses {
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    configs: HashMap<Tls, Setting>,
    next: u64,
}

/// A configuration and the number that tells it from all others; connections are pooled by it.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) id: u64,
    pub(crate) config: Arc<ClientConfig>,
}

impl Tlses {
    /// The system's authorities, or else Mozilla's list, and `extra` ones in PEM.
    pub(crate) fn new(extra: Option<&str>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::warn!(%error, "some of the system's certificate authorities cannot be read");
        }
        let (added, ignored) = roots.add_parsable_certificates(native.certs);
        if added == 0 {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        tracing::debug!(
            added,
            ignored,
            total = roots.len(),
            "certificate authorities"
        );
        if let Some(pem) = extra {
            check_pem(pem)?;
            roots.add_parsable_certificates(certificates(pem)?);
        }
        Ok(Self {
            roots,
            provider: Arc::new(aws_lc_rs::default_provider()),
            made: Mutex::default(),
        })
    }

    /// The configuration of a setting; made once.
    pub(crate) fn setting(&self, tls: &Tls) -> Result<Setting, String> {
        if let Some(found) = self.made.lock().configs.get(tls) {
            return Ok(found.clone());
        }
        let config = Arc::new(self.make(tls)?);
        let mut made = self.made.lock();
        made.next += 1;
        let setting = Setting {
            id: made.next,
            config,
        };
        if made.configs.len() >= MAX_SETTINGS {
            made.configs.clear();
        }
        Ok(made.configs.entry(tls.clone()).or_insert(setting).clone())
    }

    fn make(&self, tls: &Tls) -> Result<ClientConfig, String> {
        let pinned = tls
            .ca_pem
            .as_deref()
            .map(certificates)
            .transpose()?
            .unwrap_or_default();
        let verifier: Arc<dyn ServerCertVerifier> = if tls.insecure {
            Arc::new(AnyCertificate {
                provider: Arc::clone(&self.provider),
            })
        } else {
            let mut roots = self.roots.clone();
            roots.add_parsable_certificates(pinned.iter().cloned());
            let inner = WebPkiServerVerifier::builder_with_provider(
                Arc::new(roots),
                Arc::clone(&self.provider),
            )
            .build()
            .map_err(|error| format!("the certificate authorities cannot be used: {error}"))?;
            Arc::new(Explaining { inner, pinned })
        };
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Ok(config)
    }
}

/// TLS to a server that is no receiver: the commands' way to a Tidings behind a proxy. Not guarded: people say where it leads.
pub struct Connector(TlsConnector);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl Connector {
    /// Trusts the system's authorities, or else Mozilla's list, and those in `ca`, PEM.
    ///
    /// # Errors
    /// What is wrong with `ca`, for people.
    pub fn new(ca: Option<&str>) -> Result<Self, String> {
        if let Some(pem) = ca {
            check_pem(pem)?;
        }
        let tls = Tls {
            insecure: false,
            ca_pem: ca.map(Arc::from),
        };
        let config = Tlses::new(None)?.make(&tls)?;
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// The handshake on an open connection with that host.
    ///
    /// # Errors
    /// Why there is none, with a code from the closed set of TLS failures where there is one.
    pub async fn connect(
        &self,
        host: &str,
        tcp: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        let name = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name).map_err(|_| Failure {
            code: "tls_wrong_name",
            detail: format!("{host} is no host name that a certificate could be for"),
        })?;
        let stream = self.0.connect(name, tcp).await;
        stream.map_err(|error| {
            explain(&error).unwrap_or_else(|| Failure {
                code: "tls_handshake",
                detail: format!("the TLS handshake failed: {error}"),
            })
        })
    }
}

/// Verification is off: whoever answers is taken for the receiver.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The usual verification; tells a self-signed certificate from one of an unknown authority, and takes a certificate that was
/// given as `ca_pem` itself even if it calls itself an authority, as `openssl req -x509` makes them.
#[derive(Debug)]
struct Explaining {
    inner: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

#[derive(Debug)]
struct SelfSigned;

impl fmt::Display for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the certificate is self-signed")
    }
}

impl std::error::Error for SelfSigned {}

impl ServerCertVerifier for Explaining {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self
            .pinned
            .iter()
            .any(|pinned| pinned.as_ref() == end_entity.as_ref())
        {
            return verify_pinned(end_entity, name, now);
        }
        self.inner
            .verify_server_cert(end_entity, intermediates, name, ocsp, now)
            .map_err(|error| match error {
                rustls::Error::InvalidCertificate(
                    CertificateError::UnknownIssuer | CertificateError::Other(_),
                ) if der::facts(end_entity).is_some_and(|facts| facts.self_issued) => {
                    rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(
                        Arc::new(SelfSigned),
                    )))
                }
                other => other,
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// The very certificate that the webhook's owner gave: trusted, but for its dates and names.
fn verify_pinned(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, rustls::Error> {
    let facts = der::facts(certificate).ok_or(rustls::Error::InvalidCertificate(
        CertificateError::BadEncoding,
    ))?;
    if now.as_secs() < facts.not_before {
        return Err(rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet,
        ));
    }
    if now.as_secs() > facts.not_after {
        return Err(rustls::Error::InvalidCertificate(CertificateError::Expired));
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
    Ok(ServerCertVerified::assertion())
}

/// Says what went wrong in a handshake, or in an alert that came later.
pub(crate) fn explain(error: &io::Error) -> Option<Failure> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let (code, detail) = match error {
        rustls::Error::InvalidCertificate(certificate) => explain_certificate(certificate),
        rustls::Error::InvalidMessage(_) => (
            "tls_not_tls",
            "the receiver does not speak TLS on this port; use its https port, or an http:// URL"
                .to_owned(),
        ),
        rustls::Error::AlertReceived(alert) => explain_alert(*alert),
        rustls::Error::PeerIncompatible(why) => (
            "tls_handshake",
            format!(
                "no common TLS version or cipher ({why:?}); the receiver must offer TLS 1.2 or 1.3 with ECDHE and AEAD"
            ),
        ),
        rustls::Error::NoCertificatesPresented => (
            "tls_bad_certificate",
            "the receiver showed no certificate".to_owned(),
        ),
        other => (
            "tls_handshake",
            format!("the TLS handshake failed: {other}"),
        ),
    };
    Some(Failure { code, detail })
}

fn explain_certificate(error: &CertificateError) -> (&'static str, String) {
    let days = |from: UnixTime, to: UnixTime| from.as_secs().abs_diff(to.as_secs()) / 86_400;
    match error {
        CertificateError::Expired => ("tls_expired", "the receiver's certificate has expired; renew it".to_owned()),
        CertificateError::ExpiredContext { time, not_after } => {
            ("tls_expired", format!("the receiver's certificate expired {} days ago; renew it", days(*time, *not_after)))
        }
        CertificateError::NotValidYet => ("tls_not_yet_valid", "the receiver's certificate is not valid yet; check both clocks".to_owned()),
        CertificateError::NotValidYetContext { time, not_before } => {
            ("tls_not_yet_valid", format!("the receiver's certificate becomes valid in {} days; check both clocks", days(*time, *not_before)))
        }
        CertificateError::UnknownIssuer => (
            "tls_unknown_authority",
            "the receiver's certificate is of an unknown authority, or it does not send its intermediate certificates; give the authority as ca_pem".to_owned(),
        ),
        CertificateError::NotValidForName => ("tls_wrong_name", "the receiver's certificate is for another host".to_owned()),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let shown = presented.iter().take(5).map(|name| name.chars().take(100).collect::<String>()).collect::<Vec<_>>().join(", ");
            let shown = if shown.is_empty() { "no host".to_owned() } else { shown };
            ("tls_wrong_name", format!("the receiver's certificate is not for {} but for {shown}", expected.to_str()))
        }
        CertificateError::Revoked => ("tls_bad_certificate", "the receiver's certificate is revoked".to_owned()),
        CertificateError::Other(other) if other.0.is::<SelfSigned>() => {
            ("tls_self_signed", "the receiver's certificate is self-signed; give it as ca_pem, or turn verify_tls off".to_owned())
        }
        other => ("tls_bad_certificate", format!("the receiver's certificate cannot be accepted: {other}")),
    }
}

fn explain_alert(alert: AlertDescription) -> (&'static str, String) {
    match alert {
        AlertDescription::HandshakeFailure
        | AlertDescription::ProtocolVersion
        | AlertDescription::InsufficientSecurity => (
            "tls_handshake",
            format!(
                "the receiver found no common TLS version or cipher (alert {alert:?}); it must offer TLS 1.2 or 1.3 with ECDHE and AEAD"
            ),
        ),
        AlertDescription::CertificateRequired => (
            "tls_alert",
            "the receiver demands a client certificate, which Tidings has none of".to_owned(),
        ),
        AlertDescription::UnrecognisedName => (
            "tls_wrong_name",
            "the receiver does not know this host name".to_owned(),
        ),
        other => (
            "tls_alert",
            format!("the receiver ended TLS with the alert {other:?}"),
        ),
    }
}

#[cfg(test)]
mod tests;
