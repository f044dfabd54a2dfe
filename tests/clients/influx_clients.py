"""InfluxDB's clients for Python against a whole server: each starts up, pings and writes as it
does by itself, a batch packed by gzip included.

influx_clients.py PROGRAM. Ends with 77 where the clients are not installed (./dev test does that).
"""

import sys
import unittest

try:
    import influxdb
    import influxdb_client
    import influxdb_client_3
    from influxdb.exceptions import InfluxDBClientError
    from influxdb_client.client.write_api import SYNCHRONOUS
    from influxdb_client.rest import ApiException
except ImportError as missing:
    print(f"skipped: {missing}; ./dev test installs InfluxDB's clients into build/venv")
    sys.exit(77)

from server import TOKEN, Server

PROGRAM = sys.argv.pop(1)


class InfluxClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_first_version(self):
        client = influxdb.InfluxDBClient(
            "127.0.0.1", self.server.port, "telegraf", TOKEN, database="fleet", gzip=True
        )
        self.assertEqual(client.ping(), "1.8.10")
        client.create_database("fleet")
        self.assertEqual(client.get_list_database(), [])
        self.assertTrue(client.write_points([]))
        points = [
            {
                "measurement": "cpu",
                "tags": {"host": "first"},
                "time": 1756999999000 + i,
                "fields": {"usage": i + 0.5, "state": "busy"},
            }
            for i in range(500)
        ]
        self.assertTrue(client.write_points(points, time_precision="ms", batch_size=200))
        newest = self.server.points("first", 500)[-1]
        self.assertEqual(newest["track"], "cpu")
        self.assertEqual(newest["usage"], 499.5)
        self.assertEqual(newest["state"], "busy")
        self.assertEqual(newest["meta_time"], "2025-09-04T15:33:19.499Z")
        with self.assertRaisesRegex(InfluxDBClientError, "unable to parse: point 0: bad_number"):
            client.write("cpu,host=first rpm=x", {"db": "fleet"}, protocol="line")
        with self.assertRaisesRegex(InfluxDBClientError, "GET /api/rollups"):
            client.query("SELECT * FROM cpu")
        stranger = influxdb.InfluxDBClient(
            "127.0.0.1", self.server.port, "telegraf", "guessed", database="fleet"
        )
        with self.assertRaises(InfluxDBClientError) as refused:
            stranger.write_points(points[:1])
        self.assertEqual(refused.exception.code, 401)
        client.close()
        stranger.close()

    def test_second_version(self):
        with influxdb_client.InfluxDBClient(
            url=self.server.url, token=TOKEN, org="org", enable_gzip=True
        ) as client:
            self.assertTrue(client.ping())
            self.assertEqual(client.version(), "1.8.10")
            self.assertEqual(client.health().status, "pass")
            points = [
                influxdb_client.Point("cpu")
                .tag("host", "second")
                .field("usage", float(i))
                .time(1756999999000000000 + i * 1000000)
                for i in range(300)
            ]
            with client.write_api(write_options=SYNCHRONOUS) as writer:
                writer.write(bucket="fleet", record=points)
                with self.assertRaises(ApiException) as refused:
                    writer.write(bucket="fleet", record="cpu,host=second rpm=x")
                self.assertEqual(refused.exception.status, 400)
                self.assertIn("bad_number", refused.exception.body)
            newest = self.server.points("second", 300)[-1]
            self.assertEqual(newest["meta_time"], "2025-09-04T15:33:19.299Z")
            failures = []
            options = influxdb_client.WriteOptions(batch_size=100, flush_interval=200)
            with client.write_api(
                write_options=options, error_callback=lambda _, data, error: failures.append(error)
            ) as writer:
                for i in range(250):
                    writer.write("fleet", "org", f"cpu,host=batched usage={i}")
            self.server.points("batched", 250)
            self.assertEqual(failures, [])
            with self.assertRaises(ApiException) as refused:
                client.query_api().query('from(bucket:"fleet")')
            self.assertIn(refused.exception.status, (400,))

    def test_third_version(self):
        with influxdb_client_3.InfluxDBClient3(
            host=self.server.url, token=TOKEN, database="fleet", enable_gzip=True
        ) as client:
            self.assertEqual(client.get_server_version(), "1.8.10")
            points = [
                influxdb_client_3.Point("cpu").tag("host", "third").field("usage", float(i))
                for i in range(300)
            ]
            client.write(points)
            self.server.points("third", 300)
        with influxdb_client_3.InfluxDBClient3(
            host=self.server.url,
            token=TOKEN,
            database="fleet",
            write_client_options=influxdb_client_3.write_client_options(
                write_options=influxdb_client_3.WriteOptions(
                    write_type=influxdb_client_3.WriteType.synchronous,
                    use_v2_api=False,
                    no_sync=True,
                )
            ),
        ) as client:
            client.write("cpu,host=unsafe usage=1")
            self.server.points("unsafe", 1)
            with self.assertRaisesRegex(Exception, "bad_number"):
                client.write("cpu,host=part usage=1\ncpu,host=part rpm=x")
            self.server.points("part", 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
