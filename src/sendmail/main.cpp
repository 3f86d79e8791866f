#include "sendmail/program.h"

int main(int argc, char** argv) {
    return static_cast<int>(mailramp::sendmail::run(argc, argv));
}
