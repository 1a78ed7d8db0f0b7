//! Certificates of every kind, from an authority that only tests trust.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::ServerSessionMemoryCache;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Sessions that a server can take up again.
const SESSIONS: usize = 16_384;

/// What is right or wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Valid for `localhost`, `127.0.0.1`, `::1` and the names asked for.
    Valid,
    /// Expired in 2020.
    Expired,
    /// Valid from 2090.
    NotYetValid,
    /// Right name, signed by itself.
    SelfSigned,
    /// Signed by itself and calling itself an authority, as `openssl req -x509` makes them.
    SelfSignedAuthority,
    /// For another host.
    WrongName,
    /// Without any name.
    NoName,
}

/// A certificate authority.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// A server's side of TLS.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    pem: String,
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    /// When no key can be made.
    #[expect(
        clippy::expect_used,
        reason = "a test that cannot make certificates cannot go on"
    )]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Tidings test authority");
        let key = KeyPair::generate().expect("a key");
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("an authority"),
        }
    }

    /// Its certificate, for `ca_pem`.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server with a certificate of this kind; TLS 1.2 and 1.3.
    pub fn server(&self, kind: Kind) -> ServerTls {
        self.server_for(kind, &[])
    }

    /// The same, for more names.
    ///
    /// # Panics
    /// When a name is none.
    #[expect(
        clippy::expect_used,
        reason = "a test that cannot make certificates cannot go on"
    )]
    pub fn server_for(&self, kind: Kind, names: &[&str]) -> ServerTls {
        let mut sans: Vec<String> = match kind {
            Kind::WrongName => vec!["elsewhere.example".to_owned()],
            Kind::NoName => Vec::new(),
            _ => ["localhost", "127.0.0.1", "::1"]
                .iter()
                .chain(names)
                .map(|name| (*name).to_owned())
                .collect(),
        };
        sans.dedup();
        let mut params = CertificateParams::new(sans).expect("names");
        params
            .distinguished_name
            .push(DnType::CommonName, "Tidings test server");
        match kind {
            Kind::Expired => {
                params.not_before = date_time_ymd(2019, 1, 1);
                params.not_after = date_time_ymd(2020, 1, 1);
            }
            Kind::NotYetValid => {
                params.not_before = date_time_ymd(2090, 1, 1);
                params.not_after = date_time_ymd(2091, 1, 1);
            }
            Kind::SelfSignedAuthority => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            _ => {}
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = match kind {
            Kind::SelfSigned | Kind::SelfSignedAuthority => params.self_signed(&key),
            _ => params.signed_by(&key, &self.issuer),
        }
        .expect("a certificate");
        ServerTls::new(certificate.pem(), certificate.der().clone(), &key)
    }
}

impl ServerTls {
    #[expect(
        clippy::expect_used,
        reason = "a test that cannot make certificates cannot go on"
    )]
    fn new(pem: String, certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
                .expect("certificate and key");
        // The default forgets all but 256: fewer than the connections of one benchmark.
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        Self {
            config: Arc::new(config),
            pem,
        }
    }

    /// The same server, speaking TLS 1.2 only.
    ///
    /// # Panics
    /// When the provider has no TLS 1.2.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "a test that cannot make certificates cannot go on"
    )]
    pub fn only_tls12(mut self) -> Self {
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_protocol_versions(&[&rustls::version::TLS12])
                .expect("versions")
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(&self.config.cert_resolver));
        config.session_storage = Arc::clone(&self.config.session_storage);
        self.config = Arc::new(config);
        self
    }

    /// The server's own certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A proxy on loopback that ends TLS and passes everything on to a plain server.
    ///
    /// # Errors
    /// No port is free.
    pub async fn before(self, server: SocketAddr) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tls = self.clone();
                tokio::spawn(async move {
                    let mut outer = tls.accept(stream).await?;
                    let mut inner = TcpStream::connect(server).await?;
                    tokio::io::copy_bidirectional(&mut outer, &mut inner).await
                });
            }
        });
        Ok(address)
    }

    /// Shakes hands as the server.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(Arc::clone(&self.config))
            .accept(stream)
            .await
    }
}
