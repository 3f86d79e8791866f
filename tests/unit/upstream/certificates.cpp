// The sandbox's certificate authority, compiled into these tests because upstream may not be linked to
// sandbox.
#include "sandbox/certificates.cpp"
