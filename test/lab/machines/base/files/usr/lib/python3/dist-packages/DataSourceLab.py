"""
Cloud-init's own data source for Hetzner, unchanged but for one thing: it tells that it is there by what the mainboard
says (DMI), and a container has no mainboard. The lab writes the serial number, which is the server's ID, to a file.
"""

from cloudinit.sources import DataSourceHetzner as hetzner

SERIAL = "/etc/lab-serial"


def _get_hcloud_data():
    with open(SERIAL, encoding="ascii") as file:
        return (True, file.read().strip())


hetzner.get_hcloud_data = _get_hcloud_data


class DataSourceLab(hetzner.DataSourceHetzner):
    def check_instance_id(self, sys_cfg):
        return self.get_instance_id() == _get_hcloud_data()[1]


def get_datasource_list(depends):
    return hetzner.sources.list_from_depends(
        depends, [(DataSourceLab, (hetzner.sources.DEP_FILESYSTEM,))]
    )
