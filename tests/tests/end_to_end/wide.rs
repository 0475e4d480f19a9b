//! Pairs whose other side is a server that takes long to install: `./dev setup wide` does, `./dev test --wide` runs these.

mod ceph {
    use tandem_testkit::servers::ceph::CephRgw;

    use crate::strangers::{Stranger, over_s3};

    #[test]
    #[ignore = "wants what ./dev setup wide installs"]
    fn a_bucket_that_rclone_edits_settles_and_nothing_is_lost() {
        over_s3(&CephRgw::start().unwrap(), Stranger::of_s3, true);
    }
}

mod garage {
    use tandem_testkit::servers::garage::Garage;

    use crate::losses;
    use crate::strangers::{Stranger, over_s3};

    #[test]
    #[ignore = "wants what ./dev setup wide installs"]
    fn a_bucket_that_rclone_edits_settles_and_nothing_is_lost() {
        over_s3(&Garage::start().unwrap(), Stranger::of_s3, false);
    }

    #[test]
    #[ignore = "wants what ./dev setup wide installs"]
    fn two_writers_at_once() {
        let server = Garage::start().unwrap();
        let name = server.version().unwrap();
        losses::over_s3(&server, server.endpoint(), name);
    }
}
