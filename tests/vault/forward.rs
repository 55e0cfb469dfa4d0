//! What a store of a test's own leaves to the one below it.

/// Writes those methods of a store that only hand on, by name.
macro_rules! forward {
    ($this:ident => $inner:expr; $($name:ident)*) => { $(forward!(@ $name $this $inner);)* };
    (@ place $this:ident $inner:expr) => {
        fn place(&$this) -> String {
            $inner.place()
        }
    };
    (@ identity $this:ident $inner:expr) => {
        fn identity(&$this) -> outlive::domain::Result<outlive::store::Identity> {
            $inner.identity()
        }
    };
    (@ put_new $this:ident $inner:expr) => {
        fn put_new(
            &$this,
            key: &outlive::store::Key,
            retention: Option<outlive::store::Retention>,
        ) -> outlive::domain::Result<Box<dyn outlive::store::Upload>> {
            $inner.put_new(key, retention)
        }
    };
    (@ get $this:ident $inner:expr) => {
        fn get(
            &$this,
            key: &outlive::store::Key,
            offset: u64,
        ) -> outlive::domain::Result<Box<dyn std::io::Read + Send>> {
            $inner.get(key, offset)
        }
    };
    (@ forget $this:ident $inner:expr) => {
        fn forget(&$this, key: &outlive::store::Key) -> outlive::domain::Result<()> {
            $inner.forget(key)
        }
    };
    (@ size $this:ident $inner:expr) => {
        fn size(&$this, key: &outlive::store::Key) -> outlive::domain::Result<Option<u64>> {
            $inner.size(key)
        }
    };
    (@ stranger $this:ident $inner:expr) => {
        fn stranger(&$this, known: &[&str]) -> outlive::domain::Result<Option<String>> {
            $inner.stranger(known)
        }
    };
    (@ list $this:ident $inner:expr) => {
        fn list(&$this, folder: &str) -> outlive::domain::Result<Vec<outlive::store::Listed>> {
            $inner.list(folder)
        }
    };
}
