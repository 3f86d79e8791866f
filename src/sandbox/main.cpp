// mailramp-sandbox: an Exchange Online and Entra simulator on loopback.
int main() {
    return 0;
}
