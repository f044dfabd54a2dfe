#include "cli/cli.h"

int main(int argc, char** argv) {
  return slipstream::run_cli(argc, argv);
}
