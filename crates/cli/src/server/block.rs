//! What a node says when it starts: one block that can be read.

use server::config::ServerConfig;

/// The block, for stdout.
pub(crate) fn of(config: &ServerConfig) -> String {
    let members = match config.initial_cluster.len() {
        1 => "one durable node".to_owned(),
        several => format!("one of {several} members"),
    };
    let endpoints: Vec<&str> =
        config.advertise_client_urls.iter().map(|url| url.trim_start_matches("http://")).collect();
    // Without the flag it is what the data directory says, which is not open yet.
    let spoken = config.protocol.map_or_else(String::new, |kind| format!(" · {}", kind.name()));
    format!(
        "trimaran {}  node {:?}  {members}{spoken}\n  \
         Clients    {}\n  \
         Peers      {}\n  \
         Data       {}\n  \
         etcdctl    export ETCDCTL_API=3 ETCDCTL_ENDPOINTS={}\n  \
         No TLS, no auth: for a network that you trust.   Ctrl-C stops\n",
        env!("CARGO_PKG_VERSION"),
        config.name,
        config.advertise_client_urls.join(", "),
        config.initial_advertise_peer_urls.join(", "),
        config.data_dir.display(),
        endpoints.join(","),
    )
}
